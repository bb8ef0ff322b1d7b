namespace AuthService.Administration;

/// <summary>An administrator asked for something that cannot be; nothing was changed. The endpoints answer it, the command
/// line prints it.</summary>
/// <param name="status">The status it is answered with.</param>
/// <param name="code">Stable, for programs.</param>
/// <param name="detail">For people: what is wrong and what to do. Holds no secret.</param>
/// <param name="errors">The reasons by member, where members are wrong.</param>
internal sealed class RefusedException(int status, string code, string detail, IReadOnlyDictionary<string, string[]>? errors = null) : Exception(detail)
{
    public int Status => status;

    public string Code => code;

    public IReadOnlyDictionary<string, string[]>? Errors => errors;

    /// <summary>Members are wrong; each with its reasons.</summary>
    public static RefusedException Invalid(IReadOnlyDictionary<string, string[]> errors) => new(
        StatusCodes.Status400BadRequest, "request_invalid",
        string.Join(' ', errors.SelectMany(error => error.Value.Select(reason => $"{error.Key}: {reason}"))), errors);

    public static RefusedException Invalid(string member, string reason) =>
        Invalid(new Dictionary<string, string[]>(StringComparer.Ordinal) { [member] = [reason] });

    public static RefusedException NotFound(string what) => new(StatusCodes.Status404NotFound, "not_found", $"There is no such {what}.");

    public static RefusedException Conflict(string code, string detail) => new(StatusCodes.Status409Conflict, code, detail);

    /// <summary>RFC 9110 section 13.1.1.</summary>
    public static RefusedException Stale { get; } = new(
        StatusCodes.Status412PreconditionFailed, "etag_stale", "It has been changed since you read it. Read it again, then repeat the change.");
}
