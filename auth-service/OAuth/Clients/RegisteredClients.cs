using AuthService.OAuth.Authorization;
using AuthService.OAuth.Grants;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;

namespace AuthService.OAuth.Clients;

/// <summary>What all clients together say: for the metadata, and for whom browsers may let read an answer.</summary>
/// <param name="Scopes">Every scope that somebody can be given, in ordinal order.</param>
/// <param name="Origins">Origins of redirect URIs; a loopback one without its port.</param>
/// <param name="Password">Whether some client may use the password grant.</param>
internal sealed record ClientSummary(IReadOnlyList<string> Scopes, IReadOnlySet<string> Origins, bool Password);

/// <summary>Reads that summary, at most once a second however often it is asked for. While the database is away the last one
/// serves on: nothing that is issued depends on it.</summary>
internal sealed class RegisteredClients(IDbContextFactory<UsersDbContext> databases, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _reading = new(1);
    private volatile Reading? _last;

    public void Dispose() => _reading.Dispose();

    /// <exception cref="System.Data.Common.DbException">The database is away, and has been since the start.</exception>
    public async ValueTask<ClientSummary> ReadAsync(CancellationToken cancellationToken)
    {
        if (Fresh is { } fresh) return fresh;
        await _reading.WaitAsync(cancellationToken);
        try
        {
            if (Fresh is { } meanwhile) return meanwhile;
            var at = time.GetTimestamp();
            var summary = await QueryAsync(cancellationToken);
            _last = new Reading(summary, at);
            return summary;
        }
        catch (Exception e) when (UsersDatabaseFaults.IsAway(e) && _last is not null)
        {
            return _last!.Summary;
        }
        finally
        {
            _reading.Release();
        }
    }

    private ClientSummary? Fresh => _last is { } last && time.GetElapsedTime(last.At) < MaxAge ? last.Summary : null;

    private async Task<ClientSummary> QueryAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var clients = await database.Clients.AsNoTracking().Where(client => !client.Disabled)
            .Select(client => new { client.Scopes, client.RedirectUris, client.GrantTypes }).ToListAsync(cancellationToken);
        return new ClientSummary(
            [.. clients.SelectMany(client => client.Scopes).Union(Scopes.Standard).Order(StringComparer.Ordinal)],
            clients.SelectMany(client => client.RedirectUris).Select(RedirectUris.Origin).OfType<string>().ToHashSet(StringComparer.Ordinal),
            clients.Exists(client => client.GrantTypes.Contains(GrantTypes.Password)));
    }

    private sealed record Reading(ClientSummary Summary, long At);
}
