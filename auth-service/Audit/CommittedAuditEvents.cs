using System.Data.Common;
using System.Runtime.CompilerServices;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace AuthService.Audit;

/// <summary>Logs the audit events of a transaction when it has committed, and not before.</summary>
internal sealed class CommittedAuditEvents(AuditEvents log)
{
    private readonly ConditionalWeakTable<DbContext, Uncommitted> _uncommitted = [];

    /// <summary>What EF is to be given: it knows saving and transactions as two interceptors.</summary>
    public IInterceptor[] Interceptors => [new Saving(this), new Transactions(this)];

    private void Remember(DbContext? context)
    {
        if (context is null) return;
        var uncommitted = _uncommitted.GetOrCreateValue(context);
        // Contexts are pooled: what an earlier use left behind did not commit. EF's own transactions begin after this.
        var transaction = context.Database.CurrentTransaction?.TransactionId;
        if (transaction is null || transaction != uncommitted.Transaction) uncommitted.Events.Clear();
        uncommitted.Transaction = transaction;
        foreach (var entry in context.ChangeTracker.Entries<AuditEvent>())
        {
            if (entry.State == EntityState.Added) uncommitted.Events.Add(entry.Entity);
        }
    }

    private void Write(DbContext? context)
    {
        if (context is null || !_uncommitted.TryGetValue(context, out var uncommitted)) return;
        foreach (var audit in uncommitted.Events.OrderBy(audit => audit.Id)) log.Write(audit);
        uncommitted.Events.Clear();
    }

    private void Forget(DbContext? context)
    {
        if (context is not null) _uncommitted.Remove(context);
    }

    private sealed class Uncommitted
    {
        public Guid? Transaction { get; set; }

        public HashSet<AuditEvent> Events { get; } = [];
    }

    private sealed class Saving(CommittedAuditEvents owner) : SaveChangesInterceptor
    {
        public override InterceptionResult<int> SavingChanges(DbContextEventData eventData, InterceptionResult<int> result)
        {
            owner.Remember(eventData.Context);
            return result;
        }

        public override ValueTask<InterceptionResult<int>> SavingChangesAsync(
            DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        {
            owner.Remember(eventData.Context);
            return new(result);
        }

        public override int SavedChanges(SaveChangesCompletedEventData eventData, int result)
        {
            // Without a transaction of the caller's, what is saved is committed.
            if (eventData.Context?.Database.CurrentTransaction is null) owner.Write(eventData.Context);
            return result;
        }

        public override ValueTask<int> SavedChangesAsync(SaveChangesCompletedEventData eventData, int result, CancellationToken cancellationToken = default) =>
            new(SavedChanges(eventData, result));

        public override void SaveChangesFailed(DbContextErrorEventData eventData) => owner.Forget(eventData.Context);

        public override Task SaveChangesFailedAsync(DbContextErrorEventData eventData, CancellationToken cancellationToken = default)
        {
            owner.Forget(eventData.Context);
            return Task.CompletedTask;
        }
    }

    private sealed class Transactions(CommittedAuditEvents owner) : DbTransactionInterceptor
    {
        public override void TransactionCommitted(DbTransaction transaction, TransactionEndEventData eventData) => owner.Write(eventData.Context);

        public override Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            owner.Write(eventData.Context);
            return Task.CompletedTask;
        }

        public override void TransactionRolledBack(DbTransaction transaction, TransactionEndEventData eventData) => owner.Forget(eventData.Context);

        public override Task TransactionRolledBackAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            owner.Forget(eventData.Context);
            return Task.CompletedTask;
        }
    }
}
