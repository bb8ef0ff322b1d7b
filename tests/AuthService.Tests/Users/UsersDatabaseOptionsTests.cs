using AuthService.Users;

namespace AuthService.Tests.Users;

public sealed class UsersDatabaseOptionsTests
{
    [Fact]
    public void PostgreSQL_that_says_nothing_is_given_up_within_seconds()
    {
        var chosen = UsersDatabaseOptions.Parse("Host=localhost;Database=users;Username=a").PostgreSql!;

        Assert.Equal((3, 5, 500, 32), (chosen.Timeout, chosen.CommandTimeout, chosen.CancellationTimeout, chosen.MaxAutoPrepare));
    }

    [Fact]
    public void Times_in_the_connection_string_win()
    {
        var chosen = UsersDatabaseOptions.Parse("Host=localhost;Database=users;Username=a;Timeout=1;Command Timeout=2;Max Auto Prepare=7").PostgreSql!;

        Assert.Equal((1, 2, 7), (chosen.Timeout, chosen.CommandTimeout, chosen.MaxAutoPrepare));
    }

    /// <summary>Also where the provider's own default is chosen, and by another of its names for a keyword.</summary>
    [Fact]
    public void Times_that_are_the_providers_defaults_win_too()
    {
        var postgreSql = UsersDatabaseOptions.Parse("Host=localhost;Database=users;Username=a;timeout=15;CommandTimeout=30;Max Auto Prepare=0;Cancellation Timeout=2000").PostgreSql!;
        var sqlite = UsersDatabaseOptions.Parse("Data Source=users.db;Command Timeout=30").Sqlite!;

        Assert.Equal((15, 30, 2000, 0), (postgreSql.Timeout, postgreSql.CommandTimeout, postgreSql.CancellationTimeout, postgreSql.MaxAutoPrepare));
        Assert.Equal(30, sqlite.DefaultTimeout);
        Assert.Equal(5, UsersDatabaseOptions.Parse("Data Source=users.db").Sqlite!.DefaultTimeout);
    }
}
