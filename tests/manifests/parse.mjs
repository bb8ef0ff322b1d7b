// Reads one YAML document on standard input and prints it as JSON.
import { text } from "node:stream/consumers";
import { parse } from "yaml";

console.log(JSON.stringify(parse(await text(process.stdin), { merge: true })));
