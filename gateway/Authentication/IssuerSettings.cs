using ServiceHosting;

namespace Gateway.Authentication;

/// <summary>Reads <c>Gateway:Issuers</c>, fills in the defaults that depend on the number, and finds every fault.</summary>
internal sealed class IssuerSettings : IConfigurationCheck
{
    public const string Section = "Gateway:Issuers";

    private static readonly TimeSpan MaxClockSkew = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LongestLifetime = TimeSpan.FromDays(366);

    private readonly List<string> _problems = [];
    private readonly List<IssuerOptions> _issuers = [];

    public IssuerSettings(IConfiguration configuration, IHostEnvironment environment)
    {
        foreach (var section in configuration.GetSection(Section).GetChildren()) Read(section, environment);
        if (_issuers.Count == 0)
            Problem($"{Section}:0:Issuer", "is missing. Set the issuer of the own auth-service: without one no caller could be known.");
        CheckDistinct();
    }

    /// <summary>The issuers by number. Only to be used when there is no problem.</summary>
    public IReadOnlyList<IssuerOptions> Issuers => _issuers;

    public IEnumerable<string> FindProblems() => _problems;

    private void Read(IConfigurationSection section, IHostEnvironment environment)
    {
        var number = _issuers.Count;
        if (section.Key != $"{number}")
            Problem(section.Path, $"has the number \"{section.Key}\" where {number} comes next. Number the issuers 0, 1, 2, ….");
        var options = new IssuerOptions();
        _issuers.Add(options);
        try
        {
            section.Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
        }
        catch (InvalidOperationException exception)
        {
            Problem(section.Path, exception.Message);
            return;
        }

        var isOwn = number == 0;
        if (isOwn && options.Audiences.Count == 0) options.Audiences.Add("gateway");
        if (options.Algorithms.Count == 0) SignatureAlgorithms.All.ToList().ForEach(options.Algorithms.Add);
        if (options.TokenTypes.Count == 0)
        {
            options.TokenTypes.Add("at+jwt");
            if (!isOwn) options.TokenTypes.Add("JWT");
        }

        Check(section.Path, options, isOwn, environment);
    }

    private void Check(string path, IssuerOptions options, bool isOwn, IHostEnvironment environment)
    {
        if (string.IsNullOrWhiteSpace(options.Issuer)) Problem($"{path}:Issuer", "is missing. Set the exact \"iss\" of its tokens.");
        CheckKeys(path, options, isOwn, environment);
        if (options.Audiences.Count == 0 || options.Audiences.Any(string.IsNullOrWhiteSpace))
            Problem($"{path}:Audiences", "must name at least one audience, none of them blank.");
        foreach (var unknown in options.Algorithms.Except(SignatureAlgorithms.All))
            Problem($"{path}:Algorithms", $"\"{unknown}\" is not among {string.Join(", ", SignatureAlgorithms.All)}.");
        if (options.TokenTypes.Any(string.IsNullOrWhiteSpace)) Problem($"{path}:TokenTypes", "must not be blank.");
        if (options.ClockSkew < TimeSpan.Zero || options.ClockSkew > MaxClockSkew)
            Problem($"{path}:ClockSkew", $"must be from 00:00:00 to {MaxClockSkew:c}.");
        if (options.MaxTokenLifetime <= TimeSpan.Zero || options.MaxTokenLifetime > LongestLifetime)
            Problem($"{path}:MaxTokenLifetime", $"must be more than 00:00:00 and at most {LongestLifetime.Days} days.");
        if (string.IsNullOrWhiteSpace(options.RolesClaim)) Problem($"{path}:RolesClaim", "must not be blank.");
        if (isOwn && !string.IsNullOrEmpty(options.SubjectPrefix))
            Problem($"{path}:SubjectPrefix", "must not be set for issuer 0, the own auth-service.");
        if (isOwn && options.AllowedRoles.Count > 0)
            Problem($"{path}:AllowedRoles", "must not be set for issuer 0: the own auth-service gives all roles.");
        if (!isOwn && string.IsNullOrWhiteSpace(options.SubjectPrefix))
            Problem($"{path}:SubjectPrefix", "is missing. Set a text that goes before each subject of this foreign issuer, for example \"partner:\".");
        if (!isOwn && CouldBeginOwnSubject(options.SubjectPrefix))
            Problem($"{path}:SubjectPrefix", "could begin the id of one of the own users, a UUID. Set a text that cannot, for example \"partner:\".");
    }

    /// <summary>A foreign issuer chooses what follows its prefix: with "a" it could name every user of ours whose id begins so.</summary>
    private static bool CouldBeginOwnSubject(string? prefix)
    {
        const string Form = "00000000-0000-0000-0000-000000000000";
        return prefix is { Length: > 0 } && prefix.Length <= Form.Length
            && prefix.Index().All(c => Form[c.Index] == '-' ? c.Item == '-' : char.IsAsciiHexDigit(c.Item));
    }

    private void CheckKeys(string path, IssuerOptions options, bool isOwn, IHostEnvironment environment)
    {
        var (authority, keyFile) = (!string.IsNullOrEmpty(options.Authority), !string.IsNullOrEmpty(options.KeyFile));
        if (authority == keyFile)
        {
            Problem(path, "needs either Authority or KeyFile, not both: without keys no token could be verified.");
        }
        else if (keyFile)
        {
            foreach (var problem in KeyFileSource.FindProblems(options.KeyFile!, options)) Problem($"{path}:KeyFile", problem);
        }
        else if (!Uri.TryCreate(options.Authority, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")
            || uri.Query.Length > 0 || uri.Fragment.Length > 0)
        {
            Problem($"{path}:Authority", "must be an http or https address without query and fragment.");
        }
        else if (!isOwn && uri.Scheme == "http" && !uri.IsLoopback && !environment.IsDevelopment())
        {
            Problem($"{path}:Authority", "must be https: whoever is on the way could replace the keys of this foreign issuer.");
        }
    }

    private void CheckDistinct()
    {
        foreach (var same in _issuers.Where(issuer => issuer.Issuer is not null).GroupBy(issuer => issuer.Issuer).Where(group => group.Count() > 1))
            Problem(Section, $"names the issuer \"{same.Key}\" more than once.");
        for (var i = 1; i < _issuers.Count; i++)
        {
            for (var j = 1; j < _issuers.Count; j++)
            {
                // "a" + "bc" and "ab" + "c" would be one subject.
                if (i != j && _issuers[i].SubjectPrefix is { Length: > 0 } prefix
                    && _issuers[j].SubjectPrefix?.StartsWith(prefix, StringComparison.Ordinal) == true)
                {
                    Problem($"{Section}:{j}:SubjectPrefix", $"begins with the prefix of issuer {i}; their subjects could be the same.");
                }
            }
        }
    }

    private void Problem(string key, string problem) => _problems.Add($"{key}: {problem}");
}
