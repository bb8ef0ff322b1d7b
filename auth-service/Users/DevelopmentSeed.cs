using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Users;

/// <summary>The users and clients of the local stack. Their passwords and secrets are public: never outside Development.</summary>
internal sealed partial class DevelopmentSeed(
    IDbContextFactory<UsersDbContext> databases, PasswordHashing hashing, IHostEnvironment environment, TimeProvider time, ILogger<DevelopmentSeed> logger)
    : IPreparationStep
{
    private const string RefreshToken = "refresh_token";
    private const string TokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange";

    /// <summary>Adds what is absent, in one transaction; call under <see cref="StartupLock"/>. What an operator has
    /// changed stays changed.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        if (!environment.IsDevelopment()) return;
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await AddUserAsync(database, "alice", "alice-password-1", [Role.User], cancellationToken);
        await AddUserAsync(database, "bob", "bob-password-1", [Role.User], cancellationToken);
        await AddUserAsync(database, "admin", "admin-password-1", [Role.User, Role.Admin], cancellationToken);
        foreach (var client in Clients())
        {
            if (!await database.Clients.AnyAsync(c => c.ClientId == client.ClientId, cancellationToken)) database.Add(client);
        }
        var added = await database.SaveChangesAsync(cancellationToken);
        if (added > 0) Log.Seeded(logger, added);
    }

    private async Task AddUserAsync(UsersDbContext database, string name, string password, string[] roles, CancellationToken cancellationToken)
    {
        var normalized = name.ToUpperInvariant();
        if (await database.Users.AnyAsync(u => u.NormalizedUserName == normalized, cancellationToken)) return;
        var user = new User
        {
            Id = Guid.NewGuid(),
            UserName = name,
            NormalizedUserName = normalized,
            SecurityStamp = Guid.NewGuid().ToString("N"),
            CreatedAtMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
        };
        user.PasswordHash = await hashing.HashAsync(user, password, cancellationToken);
        database.Add(user);
        foreach (var id in await database.Roles.Where(r => roles.Contains(r.Name)).Select(r => r.Id).ToListAsync(cancellationToken))
            database.Add(new IdentityUserRole<Guid> { UserId = user.Id, RoleId = id });
    }

    private IEnumerable<Client> Clients()
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        yield return new Client
        {
            ClientId = "demo-spa",
            Name = "Demo single-page application",
            TokenEndpointAuthMethod = "none",
            GrantTypes = ["authorization_code", RefreshToken],
            RedirectUris = ["http://127.0.0.1/callback"],
            PostLogoutRedirectUris = ["http://127.0.0.1/"],
            Scopes = ["openid", "profile"],
            FirstParty = true,
            CreatedAtMs = now,
        };
        yield return new Client
        {
            ClientId = "orders-service",
            Name = "Orders service",
            SecretHash = ClientSecret.Hash("orders-secret-1"),
            TokenEndpointAuthMethod = "client_secret_basic",
            GrantTypes = ["client_credentials", TokenExchange],
            Scopes = ["orders.read", "orders.write"],
            ExchangeAudiences = ["gateway"],
            CreatedAtMs = now,
        };
        yield return new Client
        {
            ClientId = "sample-backend",
            Name = "Sample backend",
            SecretHash = ClientSecret.Hash("sample-backend-secret-1"),
            TokenEndpointAuthMethod = "client_secret_basic",
            GrantTypes = [TokenExchange],
            Scopes = ["profile", "orders.read"],
            IdentityAudiences = ["sample-backend"],
            ExchangeAudiences = ["gateway"],
            CreatedAtMs = now,
        };
        yield return new Client
        {
            ClientId = "introspector",
            Name = "Token introspection",
            SecretHash = ClientSecret.Hash("introspector-secret-1"),
            TokenEndpointAuthMethod = "client_secret_basic",
            Scopes = ["introspection"],
            CreatedAtMs = now,
        };
    }

    private static partial class Log
    {
        [LoggerMessage(2001, LogLevel.Warning, "Added {Count} rows of the well-known users and clients of Development")]
        public static partial void Seeded(ILogger logger, int count);
    }
}
