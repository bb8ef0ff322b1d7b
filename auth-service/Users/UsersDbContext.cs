using System.Text;
using AuthService.SigningKeys;
using AuthService.Users.Names;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace AuthService.Users;

/// <summary>
/// The users database: what must survive Redis. Two providers with one model; each has a class of its own because EF
/// finds migrations by context class. Times that the protocol depends on are Unix ms in <c>bigint</c> columns.
/// </summary>
internal abstract class UsersDbContext(DbContextOptions options) : IdentityDbContext<User, Role, Guid>(options)
{
    public DbSet<Client> Clients => Set<Client>();

    public DbSet<CutOff> CutOffs => Set<CutOff>();

    public DbSet<SigningKeyRow> SigningKeys => Set<SigningKeyRow>();

    public DbSet<RefreshTokenKey> RefreshTokenKeys => Set<RefreshTokenKey>();

    public DbSet<RevocationRow> Revocations => Set<RevocationRow>();

    public DbSet<EndedSession> EndedSessions => Set<EndedSession>();

    public DbSet<AuditEvent> AuditEvents => Set<AuditEvent>();

    public DbSet<RecoveryCodeRow> RecoveryCodes => Set<RecoveryCodeRow>();

    public DbSet<ConsentRow> Consents => Set<ConsentRow>();

    public DbSet<BrowserSignInRow> BrowserSignIns => Set<BrowserSignInRow>();

    public DbSet<BrowserSignInSessionRow> BrowserSignInSessions => Set<BrowserSignInSessionRow>();

    public override int SaveChanges(bool acceptAllChangesOnSuccess)
    {
        SetNameSkeletons();
        return base.SaveChanges(acceptAllChangesOnSuccess);
    }

    public override Task<int> SaveChangesAsync(bool acceptAllChangesOnSuccess, CancellationToken cancellationToken = default)
    {
        SetNameSkeletons();
        return base.SaveChangesAsync(acceptAllChangesOnSuccess, cancellationToken);
    }

    /// <summary>Whoever sets a user name, it is stored with its look, whose index refuses a second of the kind.</summary>
    private void SetNameSkeletons()
    {
        foreach (var user in ChangeTracker.Entries<User>())
        {
            if (user.State == EntityState.Added || (user.State == EntityState.Modified && user.Property(u => u.UserName).IsModified))
                user.Entity.NameSkeleton = NameSkeleton.Of(user.Entity.UserName!);
        }
    }

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.Entity<User>().ToTable("users");
        builder.Entity<User>().HasIndex(u => u.NormalizedUserName).HasDatabaseName("ix_users_normalized_user_name").IsUnique();
        builder.Entity<User>().HasIndex(u => u.NormalizedEmail).HasDatabaseName("ix_users_normalized_email");
        builder.Entity<User>().HasIndex(u => u.NameSkeleton).IsUnique();
        builder.Entity<Role>().ToTable("roles");
        builder.Entity<Role>().HasIndex(r => r.NormalizedName).HasDatabaseName("ix_roles_normalized_name").IsUnique();
        builder.Entity<IdentityUserRole<Guid>>().ToTable("user_roles");
        builder.Entity<IdentityUserClaim<Guid>>().ToTable("user_claims");
        builder.Entity<IdentityUserLogin<Guid>>().ToTable("user_logins");
        builder.Entity<IdentityUserToken<Guid>>().ToTable("user_tokens");
        builder.Entity<IdentityRoleClaim<Guid>>().ToTable("role_claims");

        builder.Entity<Client>(client =>
        {
            client.ToTable("clients").HasKey(c => c.ClientId);
            foreach (var list in (string[])[nameof(Client.GrantTypes), nameof(Client.RedirectUris), nameof(Client.PostLogoutRedirectUris),
                nameof(Client.Scopes), nameof(Client.IdentityAudiences), nameof(Client.ExchangeAudiences)])
                client.Property<string[]>(list).HasConversion(SpaceSeparated, SpaceSeparatedComparer);
            client.Property(c => c.ConcurrencyStamp).HasDefaultValue("").IsConcurrencyToken();
        });
        builder.Entity<RecoveryCodeRow>(code =>
        {
            code.ToTable("recovery_codes").HasKey(c => new { c.UserId, c.CodeHash });
            code.HasOne<User>().WithMany().HasForeignKey(c => c.UserId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<ConsentRow>(consent =>
        {
            consent.ToTable("consents").HasKey(c => new { c.UserId, c.ClientId });
            consent.Property(c => c.Scopes).HasConversion(SpaceSeparated, SpaceSeparatedComparer);
            consent.HasOne<User>().WithMany().HasForeignKey(c => c.UserId).OnDelete(DeleteBehavior.Cascade);
            consent.HasOne<Client>().WithMany().HasForeignKey(c => c.ClientId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<BrowserSignInRow>(signIn =>
        {
            signIn.ToTable("browser_sign_ins").HasKey(s => s.Id);
            signIn.HasOne<User>().WithMany().HasForeignKey(s => s.UserId).OnDelete(DeleteBehavior.Cascade);
            signIn.HasIndex(s => s.ExpiresMs);
        });
        builder.Entity<BrowserSignInSessionRow>(session =>
        {
            session.ToTable("browser_sign_in_sessions").HasKey(s => new { s.SignInId, s.Sid });
            session.HasOne<BrowserSignInRow>().WithMany().HasForeignKey(s => s.SignInId).OnDelete(DeleteBehavior.Cascade);
        });
        builder.Entity<CutOff>().ToTable("cut_offs");
        builder.Entity<SigningKeyRow>(key =>
        {
            key.ToTable("signing_keys").HasKey(k => k.Kid);
            // The last line of defence against two replicas that make a first key: there is one active key at most.
            key.HasIndex(k => k.State).HasDatabaseName("ix_signing_keys_active").HasFilter($"state = '{SigningKeyState.Active}'").IsUnique();
        });
        builder.Entity<RefreshTokenKey>().ToTable("refresh_token_keys");
        builder.Entity<RevocationRow>(row =>
        {
            row.ToTable("revocations").HasKey(r => r.Number);
            row.Property(r => r.Number).ValueGeneratedOnAdd();
            row.Property(r => r.Id).IsRequired();
            row.HasIndex(r => r.EntryId).IsUnique();
            row.HasIndex(r => r.ExpiresMs);
            row.HasIndex(r => r.PublishedAtMs).HasDatabaseName("ix_revocations_unpublished").HasFilter("published_at_ms IS NULL");
        });
        builder.Entity<EndedSession>(session =>
        {
            session.ToTable("ended_sessions").HasKey(s => s.Sid);
            session.HasIndex(s => s.ExpiresMs);
        });
        builder.Entity<AuditEvent>(audit =>
        {
            audit.ToTable("audit_events").HasKey(a => a.Id);
            audit.Property(a => a.Id).ValueGeneratedOnAdd();
            audit.HasIndex(a => a.EventId).IsUnique();
            // Each ends in the order of pages, which are read by time and, within one ms, by number.
            audit.HasIndex(a => new { a.AtMs, a.Id });
            audit.HasIndex(a => new { a.Subject, a.AtMs, a.Id });
            audit.HasIndex(a => new { a.Actor, a.AtMs, a.Id });
            audit.HasIndex(a => new { a.Type, a.AtMs, a.Id });
        });
        UseSnakeCase(builder);
    }

    private static readonly ValueConverter<string[], string> SpaceSeparated =
        new(list => string.Join(' ', list), text => text.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    private static readonly ValueComparer<string[]> SpaceSeparatedComparer =
        new((a, b) => a!.SequenceEqual(b!), list => list.Aggregate(0, (hash, item) => HashCode.Combine(hash, item)), list => list.ToArray());

    /// <summary>Names that need no quotes in PostgreSQL, so that an operator can write SQL by hand.</summary>
    private static void UseSnakeCase(ModelBuilder builder)
    {
        foreach (var entity in builder.Model.GetEntityTypes())
        {
            foreach (var property in entity.GetProperties()) property.SetColumnName(SnakeCase(property.Name));
            foreach (var key in entity.GetKeys()) key.SetName(SnakeCase(key.GetName()!));
            foreach (var key in entity.GetForeignKeys()) key.SetConstraintName(SnakeCase(key.GetConstraintName()!));
            foreach (var index in entity.GetIndexes()) index.SetDatabaseName(SnakeCase(index.GetDatabaseName()!));
        }
    }

    private static string SnakeCase(string name)
    {
        var result = new StringBuilder(name.Length + 8);
        for (var i = 0; i < name.Length; i++)
        {
            if (char.IsAsciiLetterUpper(name[i]) && i > 0 && char.IsAsciiLetterLower(name[i - 1])) result.Append('_');
            result.Append(char.ToLowerInvariant(name[i]));
        }
        return result.ToString();
    }
}

/// <summary>The users database in SQLite.</summary>
internal sealed class SqliteUsersDbContext(DbContextOptions<SqliteUsersDbContext> options) : UsersDbContext(options);

/// <summary>The users database in PostgreSQL.</summary>
internal sealed class PostgreSqlUsersDbContext(DbContextOptions<PostgreSqlUsersDbContext> options) : UsersDbContext(options);
