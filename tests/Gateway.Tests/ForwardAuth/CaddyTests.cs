using System.Diagnostics;

namespace Gateway.Tests.ForwardAuth;

public sealed class CaddyTests : ForwardAuthProxyTests
{
    protected override string Language => "caddy";

    protected override bool DropsOtherSpellings => false;

    protected override string Settings(string snippet, int port, string directory) => $$"""
        {
            admin off
            auto_https off
            storage file_system {{directory}}
        }
        http://127.0.0.1:{{port}} {
            {{snippet}}
        }
        """;

    protected override ProcessStartInfo Command(string settings, string directory) =>
        new(InstalledPrograms.Require("caddy", "/usr/bin/caddy"), ["run", "--adapter", "caddyfile", "--config", settings])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
            Environment = { ["HOME"] = directory, ["XDG_CONFIG_HOME"] = directory },
        };
}
