namespace ServiceHosting;

/// <summary>
/// One thing without which the service must not get traffic. All registered ones are asked at each
/// <c>/healthz/ready</c>, so the answer must come from memory.
/// </summary>
public interface IReadinessCheck
{
    /// <summary>A short stable name, for example <c>signing-keys</c>.</summary>
    string Name { get; }

    /// <summary>Why the service is not ready, for people; null when it is.</summary>
    string? NotReadyReason { get; }
}
