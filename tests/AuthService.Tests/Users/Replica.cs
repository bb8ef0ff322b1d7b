using AuthService.Audit;
using AuthService.SigningKeys;
using AuthService.Tokens;
using AuthService.Users;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AuthService.Tests.Users;

/// <summary>One replica of the service as far as the users database, keys and tokens go, composed as the service is.</summary>
internal sealed class Replica : IAsyncDisposable
{
    public const string Issuer = "https://login.example.com";

    private readonly ServiceProvider _services;

    private Replica(ServiceProvider services) => _services = services;

    public CountingHasher Hasher => (CountingHasher)Get<IPasswordHasher<User>>();

    public Preparation Preparation => Get<Preparation>();

    public SigningKeySet Keys => Get<SigningKeySet>();

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public UsersDbContext Open() => Get<IDbContextFactory<UsersDbContext>>().CreateDbContext();

    public static Replica Create(
        string connectionString, string environment = "Development", TimeProvider? time = null, Action<IServiceCollection>? adjust = null,
        params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(
            new Dictionary<string, string?> { ["ConnectionStrings:Users"] = connectionString, ["AuthService:Issuer"] = Issuer }
                .Concat(settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)))
                .GroupBy(setting => setting.Key).ToDictionary(group => group.Key, group => group.Last().Value)).Build();
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(configuration);
        services.AddSingleton<IHostEnvironment>(new HostEnvironment { EnvironmentName = environment });
        services.AddSingleton<IHostApplicationLifetime, Lifetime>();
        services.AddSingleton(time ?? TimeProvider.System);
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Information));
        services.AddAuthServiceOptions();
        services.AddAudit();
        services.AddUsers();
        services.AddSigningKeys();
        services.AddAccessTokens();
        services.Replace(ServiceDescriptor.Singleton<IPasswordHasher<User>, CountingHasher>());
        adjust?.Invoke(services);
        return new Replica(services.BuildServiceProvider());
    }

    public static async Task<Replica> StartAsync(
        string connectionString, string environment = "Development", TimeProvider? time = null, Action<IServiceCollection>? adjust = null,
        params (string Key, string Value)[] settings)
    {
        var replica = Create(connectionString, environment, time, adjust, settings);
        await replica.Preparation.StartAsync(TestContext.Current.CancellationToken);
        return replica;
    }

    public async ValueTask DisposeAsync() => await _services.DisposeAsync();

    private sealed class HostEnvironment : IHostEnvironment
    {
        public required string EnvironmentName { get; set; }

        public string ApplicationName { get; set; } = "auth-service";

        public string ContentRootPath { get; set; } = AppContext.BaseDirectory;

        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }

    private sealed class Lifetime : IHostApplicationLifetime
    {
        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => CancellationToken.None;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication()
        {
        }
    }
}

/// <summary>Identity's own hasher, counting its calls; few iterations, or every test would wait for it.</summary>
internal sealed class CountingHasher : IPasswordHasher<User>
{
    private int _hashes;
    private int _verifications;

    public PasswordHasher<User> Inner { get; set; } = new(Microsoft.Extensions.Options.Options.Create(new PasswordHasherOptions { IterationCount = 10 }));

    public int Hashes => _hashes;

    public int Verifications => _verifications;

    public string HashPassword(User user, string password)
    {
        Interlocked.Increment(ref _hashes);
        return Inner.HashPassword(user, password);
    }

    public PasswordVerificationResult VerifyHashedPassword(User user, string hashedPassword, string providedPassword)
    {
        Interlocked.Increment(ref _verifications);
        return Inner.VerifyHashedPassword(user, hashedPassword, providedPassword);
    }
}
