using System.Text.Json.Nodes;
using AuthService.Users;

namespace AuthService.Administration;

/// <summary>A user as administrators see it.</summary>
internal sealed record UserView(User User, IReadOnlyList<string> Roles, JsonObject Claims)
{
    public Guid Id => User.Id;

    public string Stamp => User.ConcurrencyStamp!;

    public Dictionary<string, object?> Members => new()
    {
        ["id"] = User.Id,
        ["username"] = User.UserName,
        ["name"] = User.DisplayName,
        ["email"] = User.Email,
        ["roles"] = Roles,
        ["claims"] = Claims,
        ["disabled"] = User.Disabled,
        ["second_factor"] = User.TwoFactorEnabled,
        ["created_at"] = DateTimeOffset.FromUnixTimeMilliseconds(User.CreatedAtMs),
    };
}

/// <summary>What an administrator wants of a user; what is not given stays.</summary>
internal sealed record UserChange
{
    public Given<string> UserName { get; init; }

    /// <summary>What the <c>name</c> claim says; null for the user name.</summary>
    public Given<string?> Name { get; init; }

    public Given<string?> Email { get; init; }

    public Given<IReadOnlyList<string>> Roles { get; init; }

    public Given<JsonObject> Claims { get; init; }

    public Given<bool> Disabled { get; init; }

    /// <summary>False takes the second factor away from a user who lost it; only the user can set one up.</summary>
    public Given<bool> SecondFactor { get; init; }
}

/// <summary>Which users to list.</summary>
internal sealed record UserFilter(string? UserName = null, string? Email = null, string? Role = null, bool? Disabled = null);
