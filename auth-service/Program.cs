using System.Text;
using AuthService.Administration;
using AuthService.Administration.Commands;
using AuthService.Audit;
using AuthService.Claims;
using AuthService.Diagnostics;
using AuthService.Limits;
using AuthService.OAuth;
using AuthService.OpenApi;
using AuthService.Pages;
using AuthService.Revocation;
using AuthService.SecondFactor;
using AuthService.Sessions;
using AuthService.SignIn;
using AuthService.SigningKeys;
using AuthService.Tokens;
using AuthService.Users;
using Microsoft.Net.Http.Headers;
using RevocationProtocol;
using ServiceHosting;

namespace AuthService;

/// <summary>The token service's composition: what it is made of, and in which order a request passes it.</summary>
internal static class Program
{
    internal static readonly ServiceDescription Service = new()
    {
        Name = "auth-service",
        DefaultManagementUrl = "http://127.0.0.1:8091",
        ShutdownDelayKey = "AuthService:ShutdownDelay",
        TelemetrySources = ["RevocationProtocol", "AuthService.Revocation", SigningKeyMetrics.Meter, AuditEvents.Meter],
    };

    internal static Task<int> Main(string[] args) =>
        MigrateCommand.Handles(args) ? MigrateCommand.RunAsync(args[1..])
        : AdministrationCommands.Handles(args) ? AdministrationCommands.RunAsync(args)
        : ServiceHost.RunAsync(Service, args, AddServices, UsePipeline);

    internal static void AddServices(WebApplicationBuilder builder)
    {
        // RFC 9110 section 5.5: bytes 0x80-0xFF are opaque. By default the server takes UTF-8 alone, answers anything else before the
        // service is asked, and breaks the connection off, which the gateway can only report as a fault of ours.
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.RequestHeaderEncodingSelector =
            static name => name == HeaderNames.UserAgent ? Encoding.UTF8 : Encoding.Latin1);
        builder.Services.AddAuthServiceOptions();
        // Preparation steps run in this order: schema and first rows, then keys.
        builder.Services.AddAudit();
        builder.Services.AddUsers();
        builder.Services.AddSigningKeys();
        builder.Services.AddRedis();
        builder.Services.AddAccessTokens();
        builder.Services.AddRevocationService();
        builder.Services.AddLimits();
        builder.Services.AddSessions();
        builder.Services.AddAuditOutbox();
        builder.Services.AddCustomClaims();
        builder.Services.AddSecondFactor();
        builder.Services.AddOAuth();
        builder.Services.AddBrowserSignIn();
        builder.Services.AddPages();
        builder.Services.AddAdministration();
        builder.Services.AddApiDocument();
        builder.Services.AddExceptionHandler<FaultHandler>();
    }

    internal static void UsePipeline(WebApplication app)
    {
        // Failures become 503, 400 or 500 answers; refusals without a body get one.
        app.UseExceptionHandler(_ => { });
        app.UseStatusBodies();
        app.UsePageHeaders();
        app.UseOAuthCors();
        app.MapMetadata();
        app.MapOAuth();
        app.MapTokenEndpoints();
        app.MapSessionEndpoints();
        app.MapUserEndpoints();
        app.MapSecondFactorEndpoints();
        app.MapPages();
        app.MapAdministration();
        app.MapOpenApi();
    }
}
