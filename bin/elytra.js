#!/usr/bin/env node
// Plain JavaScript that any Node understands: it finds a Node that is new enough and the built broker, or says what to do.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR = 24
const here = (path) => fileURLToPath(new URL(path, import.meta.url))

async function main() {
  if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR) return runWithNewerNode()
  const built = here('../dist/cli/main.js')
  if (!existsSync(built)) {
    const how = existsSync(here('../src/cli/main.ts')) ? 'build it first: npm run build' : 'the package is incomplete: install it again'
    return fail(`elytra: ${built} is missing; ${how}`)
  }
  // Compiled code is kept between runs (in the system's temporary directory): a third less time to start.
  const { enableCompileCache } = await import('node:module')
  enableCompileCache()
  const { main } = await import(new URL('../dist/cli/main.js', import.meta.url).href)
  await main()
}

/** The npm package `node` brings a Node 24 of its own, beside or below this package. */
function runWithNewerNode() {
  const node = ['../node_modules/node/bin/node', '../../node/bin/node'].map(here).find((path) => existsSync(path))
  if (node === undefined) {
    const again = existsSync(here('../src')) ? 'or run `npm ci`, which brings one along' : 'or run `npm install node@24` beside it'
    return fail(`elytra: needs Node.js ${NODE_MAJOR} or newer, and this is ${process.version}. Install it (https://nodejs.org), ${again}.`)
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => fail(`elytra: cannot run ${node}: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGKILL' ? 137 : 1)))
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exitCode = 1
}

await main()
