using AuthService;
using AuthService.Diagnostics;
using AuthService.SigningKeys;
using AuthService.Tokens;
using AuthService.Users;

var builder = WebApplication.CreateBuilder(args);
builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);

builder.Services.AddAuthServiceOptions();
builder.Services.AddUsers();
builder.Services.AddSigningKeys();
builder.Services.AddAccessTokens();
builder.Services.AddExceptionHandler<FaultHandler>();

var app = builder.Build();

app.UseExceptionHandler(_ => { });
app.MapMetadata();

await app.RunAsync();
