using KeyEncryption;
using Microsoft.Extensions.Options;

namespace AuthService.Tests.Users;

public sealed class AuthServiceOptionsTests
{
    [Fact]
    public void Every_fault_is_listed_at_once_with_its_key()
    {
        var exception = Assert.Throws<OptionsValidationException>(() => Read(
            "Production",
            ("AuthService:Issuer", "http://example.com/"), ("AuthService:AccessTokenLifetime", "5"), ("AuthService:RefreshTokenLifetime", "31.00:00:00"),
            ("AuthService:RegistrationEnabled", "yes"), ("AuthService:MaxClockSkew", "01:00:00"), ("AuthService:SigningAlgorithm", "HS256"),
            ("AuthService:TrustedProxies:0", "nonsense"), ("AuthService:KeyEncryptionKeys:0", "abc"), ("AuthService:AcessTokenLifetime", "00:05:00")));
        string[] keys = ["Issuer", "AccessTokenLifetime", "SessionLifetime", "RegistrationEnabled", "MaxClockSkew", "SigningAlgorithm", "TrustedProxies:0", "KeyEncryptionKeys:0", "AcessTokenLifetime"];
        Assert.Equal(keys.Order(), exception.Failures.Select(failure => failure.Split(' ')[0]["AuthService:".Length..]).Order());
    }

    [Theory]
    [InlineData("http://127.0.0.1:8080", "Development", true)]
    [InlineData("http://127.0.0.1:8080", "Production", false)]
    [InlineData("https://login.example.com", "Production", true)]
    [InlineData("https://login.example.com/", "Production", false)]
    [InlineData("https://login.example.com/path", "Production", false)]
    [InlineData("https://Login.example.com", "Production", false)]
    [InlineData("https://login.example.com:443", "Production", false)]
    [InlineData("https://user@login.example.com", "Production", false)]
    [InlineData("login.example.com", "Production", false)]
    [InlineData("ftp://login.example.com", "Production", false)]
    [InlineData("", "Development", false)]
    public void Issuer_is_an_origin_written_one_way(string issuer, string environment, bool accepted)
    {
        void Act() => Read(environment, ("AuthService:Issuer", issuer), ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey()));
        if (accepted) Act();
        else Assert.Contains("AuthService:Issuer", Assert.Single(Assert.Throws<OptionsValidationException>(Act).Failures), StringComparison.Ordinal);
    }

    [Fact]
    public void Key_encryption_keys_are_required_outside_Development()
    {
        var exception = Assert.Throws<OptionsValidationException>(() => Read("Production"));
        Assert.Contains("AuthService:KeyEncryptionKeys", Assert.Single(exception.Failures), StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromMinutes(5), Read("Development").AccessTokenLifetime);
    }

    [Fact]
    public void Faults_of_the_limits_are_listed_with_their_keys()
    {
        var exception = Assert.Throws<OptionsValidationException>(() => Replica.Create(
            "Data Source=unused.db", "Development", time: null, adjust: null,
            ("AuthService:SignInLimit:Period", "600"), ("AuthService:SignInLimit:FailuresPerAccount", "-1"), ("AuthService:SignInLimit:HashesAtOnce", "0"),
            ("AuthService:SignInLimit:RefreshesPerUser", "1.5"), ("AuthService:SignInLimit:FailuresPerAdress", "5")).Get<IOptions<AuthService.Limits.SignInLimitOptions>>().Value);
        string[] keys = ["Period", "FailuresPerAccount", "HashesAtOnce", "RefreshesPerUser", "FailuresPerAdress"];
        Assert.Equal(keys.Order(), exception.Failures.Select(failure => failure.Split(' ')[0]["AuthService:SignInLimit:".Length..]).Order());
    }

    [Theory]
    [InlineData("")]
    [InlineData("Data Source=:memory:")]
    [InlineData("Data Source=x;Mode=Memory")]
    [InlineData("Data Source=x;Mode=ReadOnly")]
    [InlineData("Nonsense=1")]
    [InlineData("nonsense")]
    [InlineData("Host=x;Prot=1")]
    public void Connection_string_that_cannot_work_is_refused_with_its_key(string connectionString)
    {
        var exception = Assert.Throws<OptionsValidationException>(() => AuthService.Users.UsersDatabaseOptions.Parse(connectionString));
        Assert.StartsWith("ConnectionStrings:Users ", Assert.Single(exception.Failures), StringComparison.Ordinal);
    }

    private static AuthServiceOptions Read(string environment, params (string Key, string Value)[] settings) =>
        Replica.Create("Data Source=unused.db", environment, time: null, adjust: null, settings).Get<IOptions<AuthServiceOptions>>().Value;
}
