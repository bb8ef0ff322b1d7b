using Testing;

namespace Gateway.Tests.Authentication;

public sealed class IssuerSettingsTests
{
    private static readonly (string, string?)[] Own = [("Issuers:0:Issuer", "http://own.example"), ("Issuers:0:Authority", "http://own.example")];
    private static readonly (string, string?)[] Foreign =
    [
        ("Issuers:1:Issuer", "https://partner.example"), ("Issuers:1:Authority", "https://partner.example"),
        ("Issuers:1:Audiences:0", "gateway"), ("Issuers:1:SubjectPrefix", "partner:"),
    ];

    [Fact]
    public async Task No_issuer_at_all_is_a_fault()
    {
        await using var world = new AuthenticationWorld();
        Assert.Contains("Gateway:Issuers:0:Issuer", Assert.Single(world.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Good_settings_have_no_fault_and_their_defaults()
    {
        await using var world = new AuthenticationWorld([.. Own, .. Foreign]);
        Assert.Empty(world.Problems);
        Assert.Equal((true, 5000), (world.Issuers.Own.IsOwn, world.Issuers.Own.ClockSkewMs));
        Assert.False(world.Issuers.All[1].IsOwn);
    }

    [Theory]
    [InlineData("Issuers:0:Issuer", "", "Gateway:Issuers:0:Issuer")]
    [InlineData("Issuers:0:Authority", "", "Gateway:Issuers:0")]
    [InlineData("Issuers:0:Authority", "own.example", "Gateway:Issuers:0:Authority")]
    [InlineData("Issuers:0:Authority", "ftp://own.example", "Gateway:Issuers:0:Authority")]
    [InlineData("Issuers:0:Authority", "http://own.example?x", "Gateway:Issuers:0:Authority")]
    [InlineData("Issuers:0:KeyFile", "/nowhere/keys.pem", "Gateway:Issuers:0")]
    [InlineData("Issuers:0:SubjectPrefix", "own:", "Gateway:Issuers:0:SubjectPrefix")]
    [InlineData("Issuers:0:AllowedRoles:0", "user", "Gateway:Issuers:0:AllowedRoles")]
    [InlineData("Issuers:0:Algorithms:0", "HS256", "Gateway:Issuers:0:Algorithms")]
    [InlineData("Issuers:0:Algorithms:0", "none", "Gateway:Issuers:0:Algorithms")]
    [InlineData("Issuers:0:Algorithms:0", "es256", "Gateway:Issuers:0:Algorithms")]
    [InlineData("Issuers:0:Audiences:0", " ", "Gateway:Issuers:0:Audiences")]
    [InlineData("Issuers:0:TokenTypes:0", " ", "Gateway:Issuers:0:TokenTypes")]
    [InlineData("Issuers:0:ClockSkew", "-00:00:01", "Gateway:Issuers:0:ClockSkew")]
    [InlineData("Issuers:0:ClockSkew", "00:05:01", "Gateway:Issuers:0:ClockSkew")]
    [InlineData("Issuers:0:ClockSkew", "soon", "Gateway:Issuers:0:ClockSkew")]
    [InlineData("Issuers:0:MaxTokenLifetime", "00:00:00", "Gateway:Issuers:0:MaxTokenLifetime")]
    [InlineData("Issuers:0:RolesClaim", " ", "Gateway:Issuers:0:RolesClaim")]
    [InlineData("Issuers:0:Audience", "gateway", "Audience")]
    [InlineData("Issuers:1:SubjectPrefix", null, "Gateway:Issuers:1:SubjectPrefix")]
    [InlineData("Issuers:1:SubjectPrefix", " ", "Gateway:Issuers:1:SubjectPrefix")]
    [InlineData("Issuers:1:SubjectPrefix", "e", "Gateway:Issuers:1:SubjectPrefix")]
    [InlineData("Issuers:1:SubjectPrefix", "5f0c8a3e-6A0f-", "Gateway:Issuers:1:SubjectPrefix")]
    [InlineData("Issuers:1:Audiences:0", null, "Gateway:Issuers:1:Audiences")]
    [InlineData("Issuers:1:Authority", "http://partner.example", "Gateway:Issuers:1:Authority")]
    [InlineData("Issuers:1:Issuer", "http://own.example", "more than once")]
    [InlineData("TokenCache:MaxEntries", "1", "Gateway:TokenCache:MaxEntries")]
    [InlineData("TokenCache:MaxBytes", "0", "Gateway:TokenCache:MaxBytes")]
    [InlineData("TokenCache:MaxEntry", "10", "Gateway:TokenCache:MaxEntry")]
    public async Task Each_fault_is_named(string key, string? value, string expected)
    {
        var settings = Own.Concat(Foreign).Where(setting => setting.Item1 != key);
        await using var world = new AuthenticationWorld([.. settings, .. value is null ? [] : new[] { (key, (string?)value) }]);
        Assert.Contains(expected, Assert.Single(world.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_faults_are_named_together()
    {
        await using var world = new AuthenticationWorld(
            ("Issuers:0:ClockSkew", "01:00:00"), ("Issuers:2:Issuer", "https://partner.example"), ("TokenCache:MaxEntries", "0"));
        Assert.True(world.Problems.Count >= 7, string.Join('\n', world.Problems));
    }

    [Fact]
    public async Task Prefixes_that_could_make_one_subject_of_two_are_a_fault()
    {
        await using var world = new AuthenticationWorld(
        [
            .. Own, .. Foreign, ("Issuers:2:Issuer", "https://other.example"), ("Issuers:2:Authority", "https://other.example"),
            ("Issuers:2:Audiences:0", "gateway"), ("Issuers:2:SubjectPrefix", "partner:b"),
        ]);
        Assert.Contains("Gateway:Issuers:2:SubjectPrefix", Assert.Single(world.Problems), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fed-")]
    [InlineData("partner")]
    [InlineData("5f0c8a3e:")]
    public async Task Prefix_that_no_own_subject_has_is_good(string prefix)
    {
        await using var world = new AuthenticationWorld([.. Own, .. Foreign.Where(setting => setting.Item1 != "Issuers:1:SubjectPrefix"), ("Issuers:1:SubjectPrefix", prefix)]);
        Assert.Empty(world.Problems);
    }

    [Theory]
    [InlineData(false, "private key")]
    [InlineData(true, "bits")]
    public async Task Key_file_that_must_not_be_used_is_a_fault(bool weak, string expected)
    {
        using var key = weak ? SigningKey.Create("RS256", "weak", 1024) : SigningKey.Create();
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, weak ? key.PublicPem : key.PrivatePem, TestContext.Current.CancellationToken);
            await using var world = new AuthenticationWorld(("Issuers:0:Issuer", "http://own.example"), ("Issuers:0:KeyFile", file));
            Assert.Contains(expected, Assert.Single(world.Problems), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
