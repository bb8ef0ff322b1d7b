using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Npgsql;
using ServiceHosting;

namespace AuthService.Users;

internal static class UsersExtensions
{
    /// <summary>The users database, ASP.NET Core Identity on it, and the readers of sign-in and refresh.</summary>
    public static IServiceCollection AddUsers(this IServiceCollection services)
    {
        services.AddOptions<UsersDatabaseOptions>().ValidateOnStart();
        services.AddSingleton<IOptionsFactory<UsersDatabaseOptions>, UsersDatabaseOptionsFactory>();
        services.TryAddSingleton(sp => sp.GetRequiredService<IOptions<UsersDatabaseOptions>>().Value);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(sp => new NpgsqlDataSourceBuilder(sp.GetRequiredService<UsersDatabaseOptions>().PostgreSql!.ConnectionString)
            .UseLoggerFactory(sp.GetRequiredService<ILoggerFactory>()).Build());
        services.AddSingleton<IDbContextFactory<UsersDbContext>, UsersDbContextFactory>();
        services.AddScoped(sp => sp.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContext());
        services.AddSingleton<IAccountQuery>(sp => sp.GetRequiredService<UsersDatabaseOptions>() is { Sqlite: not null } sqlite
            ? new SqliteAccountQuery(sqlite)
            : new PostgreSqlAccountQuery(sp.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<AccountReader>();
        services.AddSingleton<PasswordHashing>();
        services.AddSingleton<PasswordCheck>();
        services.AddScoped<Registration>();
        services.AddSingleton<OwnPassword>();
        services.AddScoped<PasswordChange>();
        services.AddSingleton<IPreparationStep, UsersDatabase>();
        services.AddSingleton<IPreparationStep, DevelopmentSeed>();
        services.AddSingleton<IPreparationStep, UserNameIndex>();
        services.AddSingleton<IPreparationStep>(sp => sp.GetRequiredService<PasswordHashing>());
        services.AddSingleton<Preparation>();
        services.AddHostedService(sp => sp.GetRequiredService<Preparation>());
        services.AddSingleton<IReadinessCheck>(sp => sp.GetRequiredService<Preparation>());
        AddIdentity(services);
        return services;
    }

    private static void AddIdentity(IServiceCollection services)
    {
        services.AddIdentityCore<User>(identity =>
        {
            // AcceptableUserNames takes letters of any script, which a list of characters cannot.
            identity.User.AllowedUserNameCharacters = "";
            identity.User.RequireUniqueEmail = false;
            // NIST SP 800-63B section 3.1.1.2: length, no rules of composition.
            identity.Password.RequiredLength = 8;
            identity.Password.RequiredUniqueChars = 2;
            identity.Password.RequireDigit = false;
            identity.Password.RequireLowercase = false;
            identity.Password.RequireUppercase = false;
            identity.Password.RequireNonAlphanumeric = false;
        })
            .AddRoles<Role>()
            .AddEntityFrameworkStores<UsersDbContext>()
            .AddUserValidator<AcceptableUserNames>()
            .AddPasswordValidator<AcceptablePasswords>();
        services.Configure<PasswordHasherOptions>(hasher => hasher.IterationCount = PasswordHashing.Iterations);
        // Identity registers its services as scoped; these hold no state and the sign-in service lives for ever.
        services.Replace(ServiceDescriptor.Singleton<IPasswordHasher<User>, PasswordHasher<User>>());
        services.Replace(ServiceDescriptor.Singleton<ILookupNormalizer, NameNormalizer>());
    }

    private sealed class UsersDatabaseOptionsFactory(IConfiguration configuration) : IOptionsFactory<UsersDatabaseOptions>
    {
        public UsersDatabaseOptions Create(string name) => UsersDatabaseOptions.Parse(configuration[UsersDatabaseOptions.Setting]);
    }

    private sealed class NameNormalizer : ILookupNormalizer
    {
        public string? NormalizeName(string? name) => name is null ? null : UserNames.Normalize(name);

        public string? NormalizeEmail(string? email) => email?.ToUpperInvariant();
    }

    private sealed class AcceptableUserNames : IUserValidator<User>
    {
        public Task<IdentityResult> ValidateAsync(UserManager<User> manager, User user) => Task.FromResult(
            UserNames.Fault(user.UserName) is { } fault
                ? IdentityResult.Failed(new IdentityError { Code = "InvalidUserName", Description = fault })
                : IdentityResult.Success);
    }

    private sealed class AcceptablePasswords : IPasswordValidator<User>
    {
        public Task<IdentityResult> ValidateAsync(UserManager<User> manager, User user, string? password)
        {
            var reason = password switch
            {
                null => null, // Identity's own validator says so.
                _ when !PasswordHashing.IsPossible(password) => $"A password has at most {PasswordHashing.MaxLength} characters, and no broken ones.",
                _ when CommonPasswords.Contains(password) => "This password is among the first that anybody would try.",
                _ when string.Equals(password, user.UserName, StringComparison.OrdinalIgnoreCase) => "The password must not be the user name.",
                _ => null,
            };
            return Task.FromResult(reason is null ? IdentityResult.Success : IdentityResult.Failed(new IdentityError { Code = "InvalidPassword", Description = reason }));
        }
    }
}
