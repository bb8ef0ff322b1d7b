using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace AuthService.Users.Migrations.PostgreSql
{
    /// <inheritdoc />
    public partial class UsersAndAdministration : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "ix_audit_events_at_ms",
                table: "audit_events");

            migrationBuilder.AddColumn<long>(
                name: "last_totp_step",
                table: "users",
                type: "bigint",
                nullable: false,
                defaultValue: 0L);

            migrationBuilder.AddColumn<string>(
                name: "name_skeleton",
                table: "users",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "sealed_totp_secret",
                table: "users",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "activated_at_ms",
                table: "signing_keys",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "gone_at_ms",
                table: "signing_keys",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "retired_at_ms",
                table: "signing_keys",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<bool>(
                name: "withdrawn",
                table: "signing_keys",
                type: "boolean",
                nullable: false,
                defaultValue: false);

            migrationBuilder.AddColumn<string>(
                name: "claim_rules",
                table: "clients",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "client_uri",
                table: "clients",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "concurrency_stamp",
                table: "clients",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.CreateTable(
                name: "browser_sign_ins",
                columns: table => new
                {
                    id = table.Column<string>(type: "text", nullable: false),
                    user_id = table.Column<Guid>(type: "uuid", nullable: false),
                    session_epoch = table.Column<long>(type: "bigint", nullable: false),
                    auth_time = table.Column<long>(type: "bigint", nullable: false),
                    amr = table.Column<string>(type: "text", nullable: false),
                    created_at_ms = table.Column<long>(type: "bigint", nullable: false),
                    last_seen_at_ms = table.Column<long>(type: "bigint", nullable: false),
                    expires_ms = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_browser_sign_ins", x => x.id);
                    table.ForeignKey(
                        name: "fk_browser_sign_ins_users_user_id",
                        column: x => x.user_id,
                        principalTable: "users",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "consents",
                columns: table => new
                {
                    user_id = table.Column<Guid>(type: "uuid", nullable: false),
                    client_id = table.Column<string>(type: "text", nullable: false),
                    scopes = table.Column<string>(type: "text", nullable: false),
                    granted_at_ms = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_consents", x => new { x.user_id, x.client_id });
                    table.ForeignKey(
                        name: "fk_consents_clients_client_id",
                        column: x => x.client_id,
                        principalTable: "clients",
                        principalColumn: "client_id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_consents_users_user_id",
                        column: x => x.user_id,
                        principalTable: "users",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "recovery_codes",
                columns: table => new
                {
                    user_id = table.Column<Guid>(type: "uuid", nullable: false),
                    code_hash = table.Column<string>(type: "text", nullable: false),
                    used_at_ms = table.Column<long>(type: "bigint", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_recovery_codes", x => new { x.user_id, x.code_hash });
                    table.ForeignKey(
                        name: "fk_recovery_codes_users_user_id",
                        column: x => x.user_id,
                        principalTable: "users",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "browser_sign_in_sessions",
                columns: table => new
                {
                    sign_in_id = table.Column<string>(type: "text", nullable: false),
                    sid = table.Column<string>(type: "text", nullable: false),
                    expires_ms = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_browser_sign_in_sessions", x => new { x.sign_in_id, x.sid });
                    table.ForeignKey(
                        name: "fk_browser_sign_in_sessions_browser_sign_ins_sign_in_id",
                        column: x => x.sign_in_id,
                        principalTable: "browser_sign_ins",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_users_name_skeleton",
                table: "users",
                column: "name_skeleton",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_audit_events_actor_at_ms_id",
                table: "audit_events",
                columns: new[] { "actor", "at_ms", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_audit_events_at_ms_id",
                table: "audit_events",
                columns: new[] { "at_ms", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_audit_events_subject_at_ms_id",
                table: "audit_events",
                columns: new[] { "subject", "at_ms", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_audit_events_type_at_ms_id",
                table: "audit_events",
                columns: new[] { "type", "at_ms", "id" });

            migrationBuilder.CreateIndex(
                name: "ix_browser_sign_ins_expires_ms",
                table: "browser_sign_ins",
                column: "expires_ms");

            migrationBuilder.CreateIndex(
                name: "ix_browser_sign_ins_user_id",
                table: "browser_sign_ins",
                column: "user_id");

            migrationBuilder.CreateIndex(
                name: "ix_consents_client_id",
                table: "consents",
                column: "client_id");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "browser_sign_in_sessions");

            migrationBuilder.DropTable(
                name: "consents");

            migrationBuilder.DropTable(
                name: "recovery_codes");

            migrationBuilder.DropTable(
                name: "browser_sign_ins");

            migrationBuilder.DropIndex(
                name: "ix_users_name_skeleton",
                table: "users");

            migrationBuilder.DropIndex(
                name: "ix_audit_events_actor_at_ms_id",
                table: "audit_events");

            migrationBuilder.DropIndex(
                name: "ix_audit_events_at_ms_id",
                table: "audit_events");

            migrationBuilder.DropIndex(
                name: "ix_audit_events_subject_at_ms_id",
                table: "audit_events");

            migrationBuilder.DropIndex(
                name: "ix_audit_events_type_at_ms_id",
                table: "audit_events");

            migrationBuilder.DropColumn(
                name: "last_totp_step",
                table: "users");

            migrationBuilder.DropColumn(
                name: "name_skeleton",
                table: "users");

            migrationBuilder.DropColumn(
                name: "sealed_totp_secret",
                table: "users");

            migrationBuilder.DropColumn(
                name: "activated_at_ms",
                table: "signing_keys");

            migrationBuilder.DropColumn(
                name: "gone_at_ms",
                table: "signing_keys");

            migrationBuilder.DropColumn(
                name: "retired_at_ms",
                table: "signing_keys");

            migrationBuilder.DropColumn(
                name: "withdrawn",
                table: "signing_keys");

            migrationBuilder.DropColumn(
                name: "claim_rules",
                table: "clients");

            migrationBuilder.DropColumn(
                name: "client_uri",
                table: "clients");

            migrationBuilder.DropColumn(
                name: "concurrency_stamp",
                table: "clients");

            migrationBuilder.CreateIndex(
                name: "ix_audit_events_at_ms",
                table: "audit_events",
                column: "at_ms");
        }
    }
}
