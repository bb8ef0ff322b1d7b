using Bench.Micro;
using BenchmarkDotNet.Running;

// usage: MicroBench first-sight | [BenchmarkDotNet's arguments]
if (args is ["first-sight"]) return await FirstSight.RunAsync();
BenchmarkSwitcher.FromAssembly(typeof(FirstSight).Assembly).Run(args.Length > 0 ? args : ["--filter", "*"]);
return 0;
