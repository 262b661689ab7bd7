// Standard JSON in on stdin, standard JSON out on stdout, or --version: what forge and our own script ask of a compiler.
const path = require("path");
const solc = require(path.join(process.env.LIANQIAO_NODE_MODULES, "solc"));
if (process.argv.includes("--version")) {
  console.log("solc, the solidity compiler commandline interface\nVersion: " + solc.version());
} else {
  const chunks = [];
  process.stdin.on("data", (chunk) => chunks.push(chunk));
  process.stdin.on("end", () => process.stdout.write(solc.compile(Buffer.concat(chunks).toString("utf8"))));
}
