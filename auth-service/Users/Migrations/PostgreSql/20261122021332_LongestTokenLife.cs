using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace AuthService.Users.Migrations.PostgreSql
{
    /// <inheritdoc />
    public partial class LongestTokenLife : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "longest_token_life_ms",
                table: "cut_offs",
                type: "bigint",
                nullable: false,
                defaultValue: 0L);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "longest_token_life_ms",
                table: "cut_offs");
        }
    }
}
