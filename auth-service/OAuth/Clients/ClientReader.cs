using AuthService.SigningKeys;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;

namespace AuthService.OAuth.Clients;

/// <summary>A client as the database has it now.</summary>
/// <param name="NotBeforeMs">The later of the cut-offs for the client and for all, Unix ms.</param>
/// <param name="SigningKeyId">The key that signs tokens, its <c>kid</c>; null if there is none.</param>
internal sealed record ClientState(Client Client, long NotBeforeMs, string? SigningKeyId)
{
    /// <summary>Whether the client can prove who it is.</summary>
    public bool IsConfidential => Client.TokenEndpointAuthMethod != ClientAuthentication.None;
}

/// <summary>Reads clients; nothing is cached, so that a disabled client gets no token from then on.</summary>
internal sealed class ClientReader(IDbContextFactory<UsersDbContext> databases)
{
    /// <summary>Those of the named clients that exist.</summary>
    public async Task<IReadOnlyList<ClientState>> ReadAsync(IReadOnlyCollection<string> clientIds, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var rows = await database.Clients.AsNoTracking().Where(client => clientIds.Contains(client.ClientId))
            .Select(client => new
            {
                Client = client,
                All = database.CutOffs.Where(cutOff => cutOff.Id == CutOff.All).Select(cutOff => (long?)cutOff.NotBeforeMs).FirstOrDefault(),
                SigningKeyId = database.SigningKeys.Where(key => key.State == SigningKeyState.Active).Select(key => key.Kid).FirstOrDefault(),
            })
            .ToListAsync(cancellationToken);
        return [.. rows.Select(row => new ClientState(row.Client, Math.Max(row.Client.NotBeforeMs, row.All ?? 0), row.SigningKeyId))];
    }
}
