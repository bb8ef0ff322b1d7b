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
}
