using System.Collections.Concurrent;
using System.Security.Claims;
using ForwardedIdentity;
using Microsoft.AspNetCore.Http.HttpResults;
using SampleBackend.Authentication;

namespace SampleBackend.Endpoints;

internal sealed record NewOrder(string? Item, int Quantity);

internal sealed record Order(Guid Id, string Item, int Quantity, string PlacedBy, DateTimeOffset PlacedAt);

/// <summary>The latest orders of everybody, in memory.</summary>
internal sealed class OrderBook(TimeProvider clock)
{
    private const int Capacity = 1000;
    private readonly ConcurrentQueue<Order> _orders = new();

    public IReadOnlyList<Order> List() => [.. _orders];

    public Order Place(string item, int quantity, string placedBy)
    {
        var order = new Order(Guid.NewGuid(), item, quantity, placedBy, clock.GetUtcNow());
        _orders.Enqueue(order);
        while (_orders.Count > Capacity) _orders.TryDequeue(out _);
        return order;
    }
}

internal static class OrderEndpoints
{
    public static void MapOrders(this WebApplication app)
    {
        app.MapGet("/orders", (OrderBook orders) => TypedResults.Ok(orders.List())).RequireAuthorization(nameof(Policies.ReadOrders));
        app.MapPost("/orders", Place).RequireAuthorization(nameof(Policies.WriteOrders));
    }

    private static Results<Created<Order>, ValidationProblem> Place(NewOrder order, OrderBook orders, ClaimsPrincipal caller)
    {
        if (order is not { Item.Length: > 0 and <= 100, Quantity: > 0 })
            return TypedResults.ValidationProblem(new Dictionary<string, string[]> { ["order"] = ["item (1 to 100 characters) and quantity (from 1) are required."] });

        var placed = orders.Place(order.Item, order.Quantity, caller.FindFirstValue(ForwardedClaims.Subject)!);
        return TypedResults.Created($"/orders/{placed.Id}", placed);
    }
}
