using System.Text.Json;
using AuthService.Users;

namespace AuthService.Claims;

/// <summary>Knows claims about users. To take some from elsewhere, a directory say, register another implementation: it is
/// asked at every sign-in and refresh whose client has claim rules, so it should remember what it knows.</summary>
internal interface IClaimsSource
{
    /// <summary>Name and value; a name may occur several times (see <see cref="ClaimRules.Select"/>). What no rule of the client names is dropped.</summary>
    ValueTask<IEnumerable<KeyValuePair<string, JsonElement>>> ReadAsync(AccountState account, string clientId, CancellationToken cancellationToken);
}

/// <summary>The claims of the user and of the user's roles, which were read with the account.</summary>
internal sealed class StoredClaims : IClaimsSource
{
    public ValueTask<IEnumerable<KeyValuePair<string, JsonElement>>> ReadAsync(AccountState account, string clientId, CancellationToken cancellationToken) =>
        new((account.StoredClaims ?? []).Select(claim => KeyValuePair.Create(claim.Key, Value(claim.Value))));

    private static JsonElement Value(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }
}

/// <summary>What every source says about a user, as far as the client's rules let it into a token.</summary>
internal sealed class CustomClaims(IEnumerable<IClaimsSource> sources)
{
    private readonly IClaimsSource[] _sources = [.. sources];

    /// <summary>Null for none.</summary>
    public async ValueTask<IReadOnlyDictionary<string, object>?> ForAsync(AccountState account, string clientId, CancellationToken cancellationToken)
    {
        if (account.ClaimRules is not { } rules) return null;
        var claims = new List<KeyValuePair<string, JsonElement>>();
        foreach (var source in _sources) claims.AddRange(await source.ReadAsync(account, clientId, cancellationToken));
        return rules.Select(claims);
    }
}

internal static class ClaimsExtensions
{
    /// <summary>Custom claims of users and roles.</summary>
    public static IServiceCollection AddCustomClaims(this IServiceCollection services)
    {
        services.AddSingleton<IClaimsSource, StoredClaims>();
        services.AddSingleton<CustomClaims>();
        return services;
    }
}
