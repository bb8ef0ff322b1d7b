# docker build -f deploy/docker/sample-backend.Dockerfile -t sample-backend .
# The builder may be any 10.0 SDK; what runs has the patch of the runtime in its tag, and none below it is used: see SECURITY.md.
FROM mcr.microsoft.com/dotnet/sdk:10.0.401-noble AS build
WORKDIR /source
COPY global.json Directory.Build.props Directory.Packages.props BannedSymbols.txt .editorconfig ./
COPY libraries libraries
COPY sample-backend sample-backend
RUN --mount=type=cache,target=/root/.nuget/packages \
    dotnet publish sample-backend -c Release -o /app -p:UseAppHost=false

# Without a shell and a package manager, as the user "app" (1654).
FROM mcr.microsoft.com/dotnet/aspnet:10.0.15-noble-chiseled
WORKDIR /app
COPY --from=build /app .
USER 1654:1654
# Kestrel:Endpoints, where settings have it, takes the place of these addresses.
ENV ASPNETCORE_HTTP_PORTS= \
    ASPNETCORE_URLS=http://*:8082 \
    Management__Url=http://*:8092 \
    DOTNET_EnableDiagnostics=0
EXPOSE 8082
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["dotnet", "SampleBackend.dll", "health"]
ENTRYPOINT ["dotnet", "SampleBackend.dll"]
