using System.Text.Json.Nodes;

namespace Deploy.Tests.Kubernetes;

/// <summary>Works out, from the policies of an overlay, which of its pods reach which.</summary>
public sealed class NetworkPolicyTests
{
    public static TheoryData<string> Names => Overlay.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Only_the_gateway_reaches_services_and_only_gateway_and_auth_service_reach_Redis(string name)
    {
        var overlay = await Overlay.ReadAsync(name);
        var policies = overlay.OfKind("NetworkPolicy").Select(policy => policy["spec"]!.AsObject()).ToList();
        var pods = overlay.Containers.Select(container => container.Labels).DistinctBy(labels => string.Join(',', labels.OrderBy(label => label.Key))).ToList();
        Assert.True(pods.Count >= 5);

        Assert.Equal(["gateway"], Callers("auth-service", 8081));
        Assert.Equal(["gateway"], Callers("sample-backend", 8082));
        Assert.Equal(["auth-service", "gateway"], Callers("redis", 6379).Except(["redis"]));
        // The key sets of gateways, and the exchange of tokens.
        Assert.Equal(["auth-service", "sample-backend"], Callers("gateway", 8080));
        foreach (var management in ((string, int)[])[("gateway", 8090), ("auth-service", 8091), ("sample-backend", 8092)])
            Assert.Empty(Callers(management.Item1, management.Item2).Except(management.Item1 == "sample-backend" ? ["gateway"] : []));
        // Nothing outside the namespace reaches what only the gateway may reach.
        foreach (var inner in (string[])["auth-service", "sample-backend"])
        {
            Assert.All(
                Selecting(pods.First(pod => pod["app.kubernetes.io/name"] == inner), "Ingress").SelectMany(policy => policy["ingress"]?.AsArray() ?? []).SelectMany(rule => rule!["from"]!.AsArray()),
                from => Assert.True(from!["namespaceSelector"] is null && from["ipBlock"] is null));
        }

        List<string> Callers(string target, int port) =>
        [
            .. pods.Where(caller => pods.Where(pod => pod["app.kubernetes.io/name"] == target).Any(pod => Admits(caller, pod, port)))
                .Select(caller => caller["app.kubernetes.io/name"]).Distinct().Order(StringComparer.Ordinal),
        ];

        bool Admits(IReadOnlyDictionary<string, string> from, IReadOnlyDictionary<string, string> to, int port) =>
            Open(from, "Egress", "to", to, port) && Open(to, "Ingress", "from", from, port);

        bool Open(IReadOnlyDictionary<string, string> pod, string direction, string peers, IReadOnlyDictionary<string, string> other, int port)
        {
            var selecting = Selecting(pod, direction);
            return selecting.Count == 0 || selecting.SelectMany(policy => policy[direction == "Egress" ? "egress" : "ingress"]?.AsArray() ?? []).Any(rule =>
                (rule![peers] is not JsonArray list || list.Any(peer => peer!["namespaceSelector"] is null && peer["podSelector"] is JsonObject selector && Matches(selector, other)))
                && (rule["ports"] is not JsonArray ports || ports.Any(open => (int)open!["port"]! == port)));
        }

        List<JsonObject> Selecting(IReadOnlyDictionary<string, string> pod, string direction) =>
            [.. policies.Where(policy => policy["policyTypes"]!.AsArray().Any(type => (string)type! == direction) && Matches(policy["podSelector"]!.AsObject(), pod))];
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task What_no_policy_names_is_closed(string name)
    {
        var overlay = await Overlay.ReadAsync(name);
        var closed = overlay.Find("NetworkPolicy", "deny-all")!["spec"]!;
        Assert.Empty(closed["podSelector"]!.AsObject());
        Assert.Equal(["Ingress", "Egress"], closed["policyTypes"]!.AsArray().Select(type => (string)type!));
        Assert.Null(closed["ingress"]);
        Assert.Null(closed["egress"]);
    }

    private static bool Matches(JsonObject selector, IReadOnlyDictionary<string, string> labels) =>
        (selector["matchLabels"]?.AsObject() ?? []).All(label => labels.GetValueOrDefault(label.Key) == (string)label.Value!)
        && (selector["matchExpressions"]?.AsArray() ?? []).All(expression =>
            (string)expression!["operator"]! == "In" && expression["values"]!.AsArray().Any(value => (string)value! == labels.GetValueOrDefault((string)expression["key"]!)));
}
