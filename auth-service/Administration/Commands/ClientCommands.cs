using System.CommandLine;
using System.Text;
using System.Text.Json;
using AuthService.OAuth.Grants;
using ServiceHosting;

namespace AuthService.Administration.Commands;

/// <summary><c>clients …</c>.</summary>
internal static class ClientCommands
{
    private static readonly Argument<string> Id = new("client-id") { Description = "The client's id." };
    private static readonly Argument<string?> NewId = new("client-id") { Description = "The client's id; one is made up if it is not given.", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string> Name = new("--name") { Description = "Its name, which users see.", Required = true };
    private static readonly Option<string?> Uri = new("--uri") { Description = "Its home page." };
    private static readonly Option<string> Method = new("--auth-method") { Description = $"How it authenticates: {string.Join(", ", ClientRules.AuthMethods)}. Without it: client_secret_basic." };
    private static readonly Option<string[]> Grant = new("--grant") { Description = $"A grant type: {string.Join(", ", GrantTypes.All)}; may be repeated." };
    private static readonly Option<string[]> RedirectUri = new("--redirect-uri") { Description = "Where answers to authorizations may go: https, http://127.0.0.1/..., or a scheme with a dot. May be repeated." };
    private static readonly Option<string[]> PostLogoutRedirectUri = new("--post-logout-redirect-uri") { Description = "Where a browser may go after logging out; may be repeated." };
    private static readonly Option<string> Scope = new("--scope") { Description = "Scopes it may have, in one argument with blanks between them." };
    private static readonly Option<FileInfo?> Jwks = new("--jwks") { Description = "File with its public keys, a JWK set, for private_key_jwt." };
    private static readonly Option<string[]> Claim = new("--claim") { Description = "A custom claim that its tokens carry where the user or a role has it; may be repeated." };
    private static readonly Option<bool> FirstParty = new("--first-party") { Description = "One of your own: users are not asked for consent, and administrators may administer with it." };
    private static readonly Option<string[]> IdentityAudience = new("--identity-audience") { Description = "Audience of identity tokens it may exchange; may be repeated." };
    private static readonly Option<string[]> ExchangeAudience = new("--exchange-audience") { Description = "Audience it may ask for in an exchange; may be repeated." };
    private static readonly Option<bool?> DisabledFilter = new("--disabled") { Description = "Only clients that are disabled (true) or not (false)." };

    public static Command Create() => new("clients", "Makes, shows, changes and deletes the applications that tokens are issued to.")
    {
        CommandRun.Verb("create", "Makes a client. If it has a secret, this prints it, once.", CreateAsync,
            NewId, Name, Uri, Method, Grant, RedirectUri, PostLogoutRedirectUri, Scope, Jwks, Claim, FirstParty, IdentityAudience, ExchangeAudience),
        CommandRun.Verb("list", "Shows clients in the order of their ids.", ListAsync, [DisabledFilter, .. PageOptions.All]),
        CommandRun.Verb("show", "Shows one client.", async run => run.Output.Item((await run.Get<ClientAdministration>().FindAsync(run.Value(Id), run.Cancellation)).Members), Id),
        CommandRun.Verb("disable", "Ends every access token of a client; it gets no more.", run => SetDisabledAsync(run, true), Id),
        CommandRun.Verb("enable", "Lets a disabled client have tokens again; its sessions go on.", run => SetDisabledAsync(run, false), Id),
        CommandRun.Verb("delete", "Deletes a client and ends its tokens. Its id is never used again.", DeleteAsync, Id),
        CommandRun.Verb("secret", "Gives a client another secret and prints it, once; the old one is worth nothing at once.", RotateSecretAsync, Id),
    };

    private static async Task CreateAsync(CommandRun run)
    {
        var change = new ClientChange
        {
            Name = run.Value(Name),
            Uri = run.Given(Uri),
            TokenEndpointAuthMethod = run.Given(Method),
            GrantTypes = List(run.Given(Grant)),
            RedirectUris = List(run.Given(RedirectUri)),
            PostLogoutRedirectUris = List(run.Given(PostLogoutRedirectUri)),
            Scope = run.Given(Scope),
            Jwks = run.Value(Jwks) is { } file ? await ReadAsync(file, run.Cancellation) : default,
            ClaimRules = run.Given(Claim) is { IsGiven: true, Value: var claims } ? JsonSerializer.SerializeToElement(claims) : default(Given<JsonElement?>),
            FirstParty = run.Given(FirstParty),
            IdentityAudiences = List(run.Given(IdentityAudience)),
            ExchangeAudiences = List(run.Given(ExchangeAudience)),
        };
        var made = await run.Get<ClientAdministration>().CreateAsync(run.Value(NewId), change, run.By, run.Cancellation);
        run.Output.Item(ClientAdminEndpoints.WithSecret(made.View.Members, made.Secret));
    }

    private static async Task ListAsync(CommandRun run)
    {
        var page = await run.Get<ClientAdministration>().ListAsync(PageOptions.Read(run), run.Value(DisabledFilter), run.Cancellation);
        run.Output.Page(page, view => view.Members, "client_id", "client_name", "token_endpoint_auth_method", "grant_types", "scope", "first_party", "disabled");
    }

    private static async Task SetDisabledAsync(CommandRun run, bool disabled)
    {
        await run.ConnectAsync();
        var changed = await run.Get<ClientAdministration>().ChangeAsync(run.Value(Id), new ClientChange { Disabled = disabled }, EntityTags.Any, run.By, run.Cancellation);
        run.Output.Changed($"Client {run.Value(Id)} is {(disabled ? "disabled" : "enabled")}", changed.Value.View.Members, changed.Receipt);
    }

    private static async Task DeleteAsync(CommandRun run)
    {
        await run.ConnectAsync();
        var receipt = await run.Get<ClientAdministration>().DeleteAsync(run.Value(Id), EntityTags.Any, run.By, run.Cancellation);
        run.Output.Changed($"Client {run.Value(Id)} is deleted", new() { ["client_id"] = run.Value(Id) }, receipt);
    }

    private static async Task RotateSecretAsync(CommandRun run)
    {
        var changed = await run.Get<ClientAdministration>().RotateSecretAsync(run.Value(Id), EntityTags.Any, run.By, run.Cancellation);
        run.Output.Item(ClientAdminEndpoints.WithSecret(new() { ["client_id"] = run.Value(Id) }, changed.Secret));
    }

    private static Given<IReadOnlyList<string>> List(Given<string[]> given) => given.IsGiven ? given.Value : default(Given<IReadOnlyList<string>>);

    private static async Task<Given<JsonElement?>> ReadAsync(FileInfo file, CancellationToken cancellationToken)
    {
        try
        {
            using var document = UntrustedJson.Parse(Encoding.UTF8.GetBytes(await File.ReadAllTextAsync(file.FullName, cancellationToken)), maxDepth: 16);
            return document.RootElement.ValueKind == JsonValueKind.Object && UntrustedJson.IsReadable(document.RootElement)
                ? document.RootElement.Clone()
                : throw RefusedException.Invalid("--jwks", "The file must hold a JWK set.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw RefusedException.Invalid("--jwks", $"The file cannot be read: {e.Message}");
        }
    }
}
