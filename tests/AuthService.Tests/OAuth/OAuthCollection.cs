namespace AuthService.Tests.OAuth;

/// <summary>Tests that share one running service; they run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class OAuthCollection : ICollectionFixture<OAuthWorld>
{
    public const string Name = "OAuth";
}
