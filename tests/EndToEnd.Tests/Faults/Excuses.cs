using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>
/// What a fault excuses. A 503 that says when to try again is excused always: on a busy machine every gateway may be late
/// for a moment, and then it must say so.
/// </summary>
internal sealed record Excuses
{
    public static Excuses None { get; } = new();

    /// <summary>Gateways that are killed or restarted: no answer is no wrong one.</summary>
    public IReadOnlyList<ServiceProcess> Gone { get; init; } = [];

    /// <summary>Whether the auth-service is killed: the gateways answer 502 or 504 in its place.</summary>
    public bool AuthServiceGone { get; init; }

    /// <summary>Whether Redis loses the sessions: users sign in again.</summary>
    public bool SessionsLost { get; init; }

    /// <summary>Whether Redis comes back older: whoever has signed in since must do so again.</summary>
    public bool SessionsOlder { get; init; }
}
