using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace AuthService.Users.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class ClientTombstones : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "deleted_at_ms",
                table: "clients",
                type: "INTEGER",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "deleted_at_ms",
                table: "clients");
        }
    }
}
