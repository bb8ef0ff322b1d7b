using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using AuthService.Audit;
using AuthService.OAuth.Clients;
using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Administration;

/// <summary>A change of a client.</summary>
/// <param name="Secret">The secret, if the change made one: the only time anybody sees it.</param>
internal sealed record ClientChanged(ClientView View, string? Secret)
{
    /// <summary>Without the secret, which a record would print.</summary>
    public override string ToString() => View.Client.ClientId;
}

/// <summary>
/// What administrators do to clients. Disabling, deleting, and taking a grant, a scope or an audience away end every access
/// token issued to the client. Sessions of a disabled client rest, and go on when it is enabled again.
/// </summary>
internal sealed class ClientAdministration(
    AdminChange changes, IDbContextFactory<UsersDbContext> databases, CutOffs cutOffs, AuditLog audit, TimeProvider time)
{
    private const int SecretBytes = 32;
    private const int GeneratedIdBytes = 16;

    public async Task<Page<ClientView>> ListAsync(PageRequest page, bool? disabled, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var clients = database.Clients.AsNoTracking().Where(client => client.DeletedAtMs == null);
        if (disabled is { } only) clients = clients.Where(client => client.Disabled == only);
        if (page.After is { } after) clients = clients.Where(client => string.Compare(client.ClientId, after) > 0);
        var rows = await clients.OrderBy(client => client.ClientId).Take(page.Limit + 1).ToListAsync(cancellationToken);
        return page.Of([.. rows.Select(client => new ClientView(client))], view => view.Client.ClientId);
    }

    public async Task<ClientView> FindAsync(string clientId, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return new ClientView(await LoadAsync(database, clientId, EntityTags.Any, cancellationToken));
    }

    /// <summary>Makes a client; its id is given or made up.</summary>
    public async Task<ClientChanged> CreateAsync(string? clientId, ClientChange change, SessionActor by, CancellationToken cancellationToken)
    {
        var client = new Client
        {
            ClientId = clientId ?? "c_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(GeneratedIdBytes)),
            Name = clientId ?? "",
            // RFC 7591 section 2: what is registered when nothing is said.
            TokenEndpointAuthMethod = "client_secret_basic",
            CreatedAtMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
        };
        var faults = new Faults();
        ClientRules.CheckId(client.ClientId, faults);
        change.Apply(client);
        ClientRules.Check(client, faults);
        faults.ThrowIfAny();
        var secret = EnsureSecret(client);
        await changes.MakeAsync(
            EntityTags.Any,
            database =>
            {
                database.Add(client);
                Record(database, AuditTypes.ClientCreated, by, client);
                return Task.FromResult((0, 0));
            },
            () => RefusedException.Conflict("client_exists", "There is or was a client of this id; ids are never used again."),
            cancellationToken);
        return new ClientChanged(new ClientView(client), secret);
    }

    /// <summary>Changes what is given and differs; a change to what already stands does nothing at all.</summary>
    public Task<Changed<ClientChanged>> ChangeAsync(string clientId, ClientChange change, EntityTags tags, SessionActor by, CancellationToken cancellationToken) =>
        MakeAsync(tags, async database =>
        {
            var client = await LoadAsync(database, clientId, tags, cancellationToken);
            var before = Authority.Of(client);
            change.Apply(client);
            database.ChangeTracker.DetectChanges();
            if (database.Entry(client).State == EntityState.Unchanged) return (new ClientChanged(new ClientView(client), null), 0);
            var changed = ChangedMembers(database, client);
            if (clientId == Client.Api && changed.Except(["client_name", "claim_rules", "disabled", "refresh_token_lifetime", "session_lifetime"]).Any())
                throw RefusedException.Conflict("client_fixed", "Of the client of the JSON API only its name, its claim rules, its lifetimes and whether it is disabled can be changed.");
            var faults = new Faults();
            ClientRules.Check(client, faults);
            faults.ThrowIfAny();
            if (!ClientRules.HasSecret(client)) client.SecretHash = null;
            var secret = EnsureSecret(client);
            client.ConcurrencyStamp = Guid.NewGuid().ToString();
            // The row first: the cut-off must not be older than the wait for it.
            await database.SaveChangesAsync(cancellationToken);

            var after = Authority.Of(client);
            if (changed.Exists(member => member != "disabled"))
                Record(database, AuditTypes.ClientUpdated, by, client, new JsonObject { ["changed"] = new JsonArray([.. changed.Select(member => (JsonNode)member)]) });
            if (after.Disabled != before.Disabled) Record(database, after.Disabled ? AuditTypes.ClientDisabled : AuditTypes.ClientEnabled, by, client);
            if (secret is not null) Record(database, AuditTypes.ClientSecretChanged, by, client);
            var revoked = after.IsLessThan(before) ? cutOffs.Stage(database, client) : 0;
            return (new ClientChanged(new ClientView(client), secret), revoked);
        }, cancellationToken);

    /// <summary>Gives the client another secret; the old one is worth nothing from then on. Its tokens live out their few
    /// minutes: to end them too, disable the client and enable it again.</summary>
    public async Task<ClientChanged> RotateSecretAsync(string clientId, EntityTags tags, SessionActor by, CancellationToken cancellationToken)
    {
        var changed = await MakeAsync(tags, async database =>
        {
            var client = await LoadAsync(database, clientId, tags, cancellationToken);
            if (!ClientRules.HasSecret(client)) throw RefusedException.Conflict("client_without_secret", "This client authenticates without a secret.");
            client.SecretHash = null;
            var secret = EnsureSecret(client);
            client.ConcurrencyStamp = Guid.NewGuid().ToString();
            Record(database, AuditTypes.ClientSecretChanged, by, client);
            return (new ClientChanged(new ClientView(client), secret), 0);
        }, cancellationToken);
        return changed.Value;
    }

    /// <summary>
    /// Deletes a client. Its row stays, disabled and without anything that could be used, so that nobody gets its id again:
    /// refresh tokens of its sessions would be good with a new client of the same id.
    /// </summary>
    public async Task<RevocationReceipt> DeleteAsync(string clientId, EntityTags tags, SessionActor by, CancellationToken cancellationToken)
    {
        var changed = await MakeAsync(tags, async database =>
        {
            var client = await LoadAsync(database, clientId, tags, cancellationToken);
            if (clientId == Client.Api) throw RefusedException.Conflict("client_fixed", "The client of the JSON API cannot be deleted; disable it.");
            client.Disabled = true;
            client.DeletedAtMs = time.GetUtcNow().ToUnixTimeMilliseconds();
            client.SecretHash = client.Jwks = null;
            client.RedirectUris = client.PostLogoutRedirectUris = client.GrantTypes = [];
            client.ConcurrencyStamp = Guid.NewGuid().ToString();
            await database.SaveChangesAsync(cancellationToken);
            await database.Consents.Where(consent => consent.ClientId == clientId).ExecuteDeleteAsync(cancellationToken);
            Record(database, AuditTypes.ClientDeleted, by, client);
            return (new ClientChanged(new ClientView(client), null), cutOffs.Stage(database, client));
        }, cancellationToken);
        return changed.Receipt;
    }

    private Task<Changed<ClientChanged>> MakeAsync(
        EntityTags tags, Func<UsersDbContext, Task<(ClientChanged Value, int Revoked)>> change, CancellationToken cancellationToken) =>
        changes.MakeAsync(tags, change, () => RefusedException.Stale, cancellationToken);

    private static async Task<Client> LoadAsync(UsersDbContext database, string clientId, EntityTags tags, CancellationToken cancellationToken)
    {
        var client = await database.Clients.SingleOrDefaultAsync(client => client.ClientId == clientId && client.DeletedAtMs == null, cancellationToken)
            ?? throw RefusedException.NotFound("client");
        tags.Match(client.ConcurrencyStamp);
        return client;
    }

    /// <summary>Makes a secret for a client that needs one and has none; null for all others.</summary>
    private static string? EnsureSecret(Client client)
    {
        if (!ClientRules.HasSecret(client) || client.SecretHash is not null) return null;
        var secret = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));
        client.SecretHash = ClientSecret.Hash(secret);
        return secret;
    }

    /// <summary>The members that differ from what the database has, as administrators know them.</summary>
    private static List<string> ChangedMembers(UsersDbContext database, Client client)
    {
        var before = new ClientView((Client)database.Entry(client).OriginalValues.ToObject()).Members;
        return [.. new ClientView(client).Members.Where(member => !JsonNode.DeepEquals(Node(member.Value), Node(before[member.Key]))).Select(member => member.Key)];

        static JsonNode? Node(object? value) => JsonSerializer.SerializeToNode(value);
    }

    private void Record(UsersDbContext database, string type, SessionActor by, Client client, JsonObject? detail = null) =>
        audit.Stage(database, new AuditRecord(type, by.Actor, client.ClientId, client.ClientId, Sid: null, detail));

    /// <summary>What a client's tokens can do.</summary>
    private sealed record Authority(bool Disabled, bool IsPublic, HashSet<string> Granted)
    {
        public static Authority Of(Client client) => new(
            client.Disabled,
            client.TokenEndpointAuthMethod == ClientAuthentication.None,
            [
                .. client.GrantTypes.Select(grant => "grant " + grant), .. client.Scopes.Select(scope => "scope " + scope),
                .. client.ExchangeAudiences.Select(audience => "exchange " + audience), .. client.IdentityAudiences.Select(audience => "identity " + audience),
                .. client.FirstParty ? ["first party"] : Array.Empty<string>(),
                .. client.ClaimRules is { } rules ? ["claims " + rules] : Array.Empty<string>(),
            ]);

        public bool IsLessThan(Authority before) => (Disabled && !before.Disabled) || !Granted.IsSupersetOf(before.Granted);
    }
}
