using System.Diagnostics;

namespace Gateway.Tests.ForwardAuth;

public sealed class NginxTests : ForwardAuthProxyTests
{
    protected override string Language => "nginx";

    protected override bool DropsOtherSpellings => true;

    protected override string Settings(string snippet, int port, string directory) => $$"""
        daemon off; master_process off; pid {{directory}}/pid; error_log stderr;
        events {}
        http {
            access_log off;
            client_body_temp_path {{directory}}; proxy_temp_path {{directory}};
            fastcgi_temp_path {{directory}}; uwsgi_temp_path {{directory}}; scgi_temp_path {{directory}};
            server {
                listen 127.0.0.1:{{port}};
                {{snippet}}
            }
        }
        """;

    protected override ProcessStartInfo Command(string settings, string directory) =>
        new(InstalledPrograms.Require("nginx-light", "/usr/sbin/nginx", "/usr/bin/nginx"), ["-c", settings, "-p", directory, "-e", "stderr"])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
        };
}
