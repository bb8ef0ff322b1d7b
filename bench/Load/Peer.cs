using System.Diagnostics;
using System.Security.Claims;
using Gateway.Forwarding;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.IdentityModel.Tokens;
using StackExchange.Redis;

namespace Bench.Load;

/// <summary>The .NET proxies beside ours: as a reader of YARP's and ASP.NET Core's documentation would write them.</summary>
internal static class Peer
{
    public const string Plain = "plain";
    public const string JwtBearer = "jwt";
    public const string JwtBearerAndRedis = "jwt-redis";

    /// <summary>The key under which a revoked token stands in Redis.</summary>
    public static string RevokedKey(string jti) => $"revoked:{jti}";

    public static async Task<int> RunAsync(string kind, string[] settings)
    {
        var builder = WebApplication.CreateBuilder(settings);
        if (builder.Configuration["Peer:LikeGateway"] == "true")
        {
            InlineSockets.Enable();
            builder.WebHost.UseInlineSockets();
        }

        // No line a request: what is measured is forwarding.
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        var proxy = builder.Services.AddReverseProxy().LoadFromConfig(builder.Configuration.GetSection("ReverseProxy"));
        if (kind != Plain) AddJwtBearer(builder, asksRedis: kind == JwtBearerAndRedis);

        var app = builder.Build();
        if (kind != Plain) app.UseAuthentication().UseAuthorization();
        var routes = app.MapReverseProxy();
        if (kind != Plain) routes.RequireAuthorization();
        await app.RunAsync();
        return 0;
    }

    private static void AddJwtBearer(WebApplicationBuilder builder, bool asksRedis)
    {
        var settings = builder.Configuration.GetSection("Peer");
        var redis = asksRedis ? ConnectionMultiplexer.Connect(settings["Redis"]!).GetDatabase() : null;
        builder.Services.AddAuthorization();
        builder.Services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme).AddJwtBearer(bearer =>
        {
            bearer.MapInboundClaims = false;
            bearer.TokenValidationParameters = new TokenValidationParameters
            {
                ValidIssuer = settings["Issuer"],
                ValidAudience = settings["Audience"],
                ValidTypes = ["at+jwt"],
                ClockSkew = TimeSpan.FromSeconds(5),
                IssuerSigningKeys = new JsonWebKeySet(File.ReadAllText(settings["KeyFile"]!)).GetSigningKeys(),
            };
            if (redis is null) return;
            bearer.Events = new JwtBearerEvents
            {
                OnTokenValidated = async context =>
                {
                    var jti = context.Principal?.FindFirstValue("jti") ?? throw new UnreachableException();
                    if (await redis.KeyExistsAsync(RevokedKey(jti))) context.Fail("revoked");
                },
            };
        });
    }
}
