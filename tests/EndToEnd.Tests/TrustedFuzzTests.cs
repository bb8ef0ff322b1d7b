using FsCheck;
using FsCheck.Fluent;
using Testing;

namespace EndToEnd.Tests;

/// <summary>Requests that nobody means, by those who are trusted: clients, administrators, browsers. The service may take or
/// refuse them, and never fails.</summary>
public sealed class TrustedFuzzTests : IAsyncLifetime
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(5);

    private static readonly string[] Limits =
        ["FailuresPerAddress", "FailuresPerAddressAndAccount", "FailuresPerAccount", "RegistrationsPerAddress", "ClientFailuresPerAddress", "ClientFailuresPerAddressAndClient"];

    // A stack of its own: who is slowed down is not looked at.
    private Stack _stack = null!;

    public async ValueTask InitializeAsync() => _stack = await Stack.StartAsync(
        new StackOptions { AuthServiceEnvironment = Limits.ToDictionary(limit => $"AuthService__SignInLimit__{limit}", _ => "0") }, TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _stack.DisposeAsync();

    [Fact]
    public async Task Auth_service_never_fails_whoever_asks()
    {
        var requests = new TrustedFuzzRequests(await _stack.SignInAsync("admin"), await _stack.SignInAsync("bob"), _stack.AuthService.Address.Authority).Requests;
        var answered = 0;
        Prop.ForAll(requests.ToArbitrary(), request =>
        {
            var answer = RawConnection.AskAsync(_stack.AuthService.Address, request.Text, Wait, TestContext.Current.CancellationToken).GetAwaiter().GetResult();
            if (answer is null) return;
            answered++;
            // 503: a machine without processor time.
            Assert.True(answer.Status is < 500 or 503, $"{answer.Status} {answer.BodyText}");
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

        Assert.True(answered > 800, $"only {answered} of 1000 requests were answered");
        Assert.True(_stack.AuthService.Running);
        Assert.DoesNotContain("A request failed", _stack.AuthService.ReadLog(), StringComparison.Ordinal);
    }
}

/// <summary>Requests that are right but for one field, one header, or a few characters.</summary>
internal sealed class TrustedFuzzRequests(TokenPair administrator, TokenPair user, string host)
{
    private const string Json = "application/json";
    private const string Form = "application/x-www-form-urlencoded";
    private const string Orders = "Basic b3JkZXJzLXNlcnZpY2U6b3JkZXJzLXNlY3JldC0x";

    private static readonly string[] JsonValues =
    [
        "null", "true", "1", "-0", "1e999", "1e99999999999", "9223372036854775808", "[]", "[null]", "{}", "\"\"", "\" \"", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"",
        "[\"\\ud800\"]", "{\"\\ud800\":1}", "{\"a\":{\"\\udfff\":1}}", "{\"a\":1,\"\\u0061\":2}", "[1e99999999999]", "\"\u00ff\"", "\"\u00ed\u00a0\u0080\"", $"\"{new string('x', 3000)}\"",
        "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "01", "NaN", "\"\t\"",
    ];

    private static readonly string[] FormValues =
    [
        "", "+", "%00", "%ff", "%ed%a0%80", "%u0041", "%", "%0d%0a", "\u00ff", "\u0001", "\u007f", "-1", "99999999999999999999", "gwr_", "a.b.c", "eyJ.eyJ.x",
        // {"alg":"ES256"}.{"sub":"a\u0000b"}.
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhXHUwMDAwYiJ9.AA", new('x', 3000), "http://%5b", "a&a=b",
    ];

    private static readonly string[] MediaTypes =
    [
        Json, Form, "application/json; charset=utf-7", "application/json; charset=bogus", "application/merge-patch+json", $"{Form}; charset=utf-7", $"{Form}; charset=iso-8859-1",
        $"{Form}; charset=\"utf-8\"", "multipart/form-data; boundary=b", "multipart/form-data", "text/plain", "x", "",
    ];

    private static readonly (string Method, string Path, string Type, string Fields)[] Templates =
    [
        ("POST", "/connect/token", Form, "grant_type=client_credentials&scope=orders.read&client_id=orders-service"),
        ("POST", "/connect/token", Form, "grant_type=refresh_token&refresh_token=gwr_x&client_id=demo-spa&scope=openid"),
        ("POST", "/connect/token", Form, "grant_type=client_credentials&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion=a.b.c"),
        ("POST", "/connect/token", Form, "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=<user>&subject_token_type=urn:ietf:params:oauth:token-type:access_token&audience=gateway"),
        ("POST", "/connect/token", Form, "grant_type=authorization_code&code=x&client_id=demo-spa&redirect_uri=http://127.0.0.1/callback&code_verifier=vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"),
        ("POST", "/connect/revocation", Form, "token=<user>&token_type_hint=access_token"),
        ("POST", "/connect/introspect", Form, "token=<user>"),
        ("GET", "/connect/userinfo", "", ""),
        ("GET", "/connect/authorize", "", "client_id=demo-spa&redirect_uri=http://127.0.0.1/callback&response_type=code&scope=openid&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&max_age=60&prompt=login&id_token_hint=a.b.c"),
        ("POST", "/connect/authorize", Form, "client_id=demo-spa&redirect_uri=http://127.0.0.1/callback&response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"),
        ("GET", "/connect/authorize/resume", "", "ticket=x"),
        ("GET", "/connect/logout", "", "id_token_hint=a.b.c&client_id=demo-spa&post_logout_redirect_uri=http://127.0.0.1/&state=s&ticket=x"),
        ("POST", "/connect/logout", Form, "client_id=demo-spa&state=s"),
        ("GET", "/connect/signin/second-factor", "", "ticket=x"),
        ("GET", "/connect/consent", "", "ticket=x"),
        ("POST", "/connect/signin", Form, "form_token=x&username=bob&password=x"),
        ("GET", "/api/admin/users", "", "username=b&email=a@b.example&role=user&disabled=false&limit=5&cursor=QUJD"),
        ("POST", "/api/admin/users", Json, "{\"username\":\"fuzz\",\"password\":\"some-password-9\",\"name\":\"N\",\"email\":\"a@b.example\",\"roles\":[\"user\"],\"claims\":{\"level\":3},\"disabled\":false}"),
        ("PATCH", "/api/admin/users/00000000-0000-0000-0000-000000000000", Json, "{\"name\":\"N\"}"),
        ("GET", "/api/admin/clients", "", "disabled=false&limit=5&cursor=QUJD"),
        ("POST", "/api/admin/clients", Json, "{\"client_name\":\"N\",\"client_uri\":\"https://x.example/\",\"token_endpoint_auth_method\":\"none\",\"grant_types\":[\"authorization_code\"],\"redirect_uris\":[\"https://x.example/cb\"],\"scope\":\"openid\",\"claim_rules\":[\"level\"],\"session_lifetime\":7200}"),
        ("PATCH", "/api/admin/clients/introspector", Json, "{\"client_id\":\"introspector\",\"client_id_issued_at\":5,\"client_name\":\"N\",\"jwks\":null}"),
        ("POST", "/api/admin/roles", Json, "{\"name\":\"fuzz\",\"claims\":{\"level\":3}}"),
        ("PATCH", "/api/admin/roles/user", Json, "{\"name\":\"user\",\"claims\":{\"level\":3}}"),
        ("GET", "/api/admin/sessions", "", "user_id=00000000-0000-0000-0000-000000000000&client_id=api&limit=5&cursor=QUJD"),
        ("GET", "/api/admin/audit", "", "from=2026-01-01&to=2027-01-01T00:00:00Z&subject=x&actor=x&type=x&client_id=x&sid=x&limit=5&cursor=MS4y"),
        ("POST", "/api/token/mfa", Json, "{\"ticket\":\"x\",\"code\":\"123456\"}"),
        ("POST", "/api/users/me/second-factor/confirm", Json, "{\"code\":\"123456\"}"),
    ];

    public Gen<FuzzRequest> Requests =>
        from template in Gen.Elements(Templates)
        from method in Mostly(template.Method, Gen.Elements("GET", "POST", "OPTIONS", "DELETE", "BREW"))
        from type in Mostly(template.Type, Gen.Elements(MediaTypes))
        from fields in Changed(template.Fields.Replace("<user>", user.Access, StringComparison.Ordinal))
        from authorization in Mostly(Authorization(template.Path), Gen.Elements("", "Basic Og==", "Basic /w==", "Bearer x", $"Bearer {user.Access}", "Basic b3JkZXJzLXNlcnZpY2U6JTAw"))
        from other in Mostly("", Gen.Elements("If-Match: \"x\r\n", "Cookie: gwid_signin=\"; gwid_browser=\u00e9\r\n", "Origin: http://[\r\n", "X-Forwarded-For: ,x,::1%e\r\n", "User-Agent: \u00c3\u00a9\r\n", "traceparent: \u00c3\u00a9\r\n"))
        let inQuery = template.Type.Length == 0 && fields.Length > 0
        let headers = $"Host: {host}\r\n{Header("Content-Type", type)}{Header("Authorization", authorization)}{other}"
        select new FuzzRequest(method, inQuery ? $"{template.Path}?{fields.Replace(' ', '+')}" : template.Path, headers, inQuery ? "" : fields);

    private string Authorization(string path) => path switch
    {
        "/connect/token" or "/connect/revocation" => Orders,
        "/connect/introspect" => "Basic aW50cm9zcGVjdG9yOmludHJvc3BlY3Rvci1zZWNyZXQtMQ==",
        _ when path.StartsWith("/api/admin", StringComparison.Ordinal) => $"Bearer {administrator.Access}",
        _ when path.StartsWith("/api/users", StringComparison.Ordinal) || path == "/connect/userinfo" => $"Bearer {user.Access}",
        _ => "",
    };

    private static string Header(string name, string value) => value.Length == 0 ? "" : $"{name}: {value}\r\n";

    private static Gen<string> Mostly(string usual, Gen<string> other) => Gen.Frequency((8, Gen.Constant(usual)), (1, other));

    /// <summary>The fields with one value replaced by another, or with some characters changed.</summary>
    private static Gen<string> Changed(string fields) => Gen.Frequency(
        (1, Gen.Constant(fields)),
        (6, fields.StartsWith('{') ? Replaced(fields, ',', ':', Gen.Elements(JsonValues)) : Replaced(fields, '&', '=', Gen.Elements(FormValues))),
        (2, FuzzRequests.Mangled(fields)));

    private static Gen<string> Replaced(string fields, char separator, char equals, Gen<string> values)
    {
        var parts = fields.Trim('{', '}').Split(separator);
        return from at in Gen.Choose(0, parts.Length - 1)
               from value in values
               let part = $"{parts[at].Split(equals)[0]}{equals}{value}"
               let all = string.Join(separator, parts.Select((old, i) => i == at ? part : old))
               select fields.StartsWith('{') ? $"{{{all}}}" : all;
    }
}
