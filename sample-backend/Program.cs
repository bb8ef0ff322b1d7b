using SampleBackend.Authentication;
using SampleBackend.Endpoints;
using SampleBackend.Hosting;

var builder = WebApplication.CreateBuilder(args);
builder.WebHost.ConfigureKestrel(RequestLimits.Apply);
builder.Services.AddProblemDetails();
builder.Services.AddForwardedHeadersAuthentication();
builder.Services.AddAuthorizationBuilder()
    // Whatever is not marked anonymous needs a caller, an unknown path too.
    .SetFallbackPolicy(Policies.SignedIn)
    .AddPolicy(nameof(Policies.Admin), Policies.Admin)
    .AddPolicy(nameof(Policies.ReadOrders), Policies.ReadOrders)
    .AddPolicy(nameof(Policies.WriteOrders), Policies.WriteOrders);
builder.Services.Configure<RouteHandlerOptions>(routing => routing.ThrowOnBadRequest = false); // a bad body is a 400 in Development too
builder.Services.AddSingleton(TimeProvider.System);
builder.Services.AddSingleton<OrderBook>();

var app = builder.Build();
app.UseExceptionHandler();
app.UseStatusCodePages();
app.UseWebSockets();
app.UseAuthentication();
app.UseAuthorization();

app.MapGreetings();
app.MapEcho();
app.MapOrders();
app.MapClock();
app.MapWebSocketEcho();
await app.RunAsync();
