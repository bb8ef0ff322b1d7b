using Gateway.Forwarding;
using KeyEncryption;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;

namespace Gateway.Tests.Forwarding;

/// <summary>What stops the start of a gateway.</summary>
public sealed class IdentityOptionsTests
{
    [Theory]
    [InlineData("Production", true)]
    [InlineData("Staging", true)]
    [InlineData("Development", false)]
    public void Key_encryption_key_is_required_outside_development(string environment, bool required)
    {
        var validator = new IdentityOptions.SealingValidator(new HostEnvironment(environment));

        var missing = validator.Validate(null, new IdentityOptions());

        Assert.Equal(required, missing.Failed);
        if (required) Assert.StartsWith("Gateway:Identity:KeyEncryptionKeys", missing.FailureMessage, StringComparison.Ordinal);
        var options = new IdentityOptions { KeyEncryptionKeys = { KeyEncryptionKeyRing.NewKey() } };
        Assert.True(validator.Validate(null, options).Succeeded);
    }

    [Fact]
    public void Every_faulty_member_is_named()
    {
        var options = new IdentityOptions { Issuer = " ", TokenLifetime = TimeSpan.FromSeconds(4), VerifyAudience = "", KeyEncryptionKeys = { "short" } };

        var faults = new IdentityOptions.Validator().Validate(null, options).Failures!.ToList();

        Assert.Equal(4, faults.Count);
        string[] members = ["Issuer", "TokenLifetime", "VerifyAudience", "KeyEncryptionKeys:0"];
        Assert.All(members, member => Assert.Contains(faults, fault => fault.Contains($"Gateway:Identity:{member}", StringComparison.Ordinal)));
        Assert.True(new IdentityOptions.Validator().Validate(null, new IdentityOptions()).Succeeded);
    }

    private sealed class HostEnvironment(string name) : IHostEnvironment
    {
        public string EnvironmentName { get; set; } = name;

        public string ApplicationName { get; set; } = "gateway";

        public string ContentRootPath { get; set; } = AppContext.BaseDirectory;

        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }
}
