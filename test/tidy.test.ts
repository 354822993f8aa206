import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const CODE_FOLDERS = ['src', 'test', 'scripts', 'bench', 'bin']
const MAX_LINES = 500

/** Rooms that may touch the machine's clock, randomness and environment. */
const MAY_TOUCH_GLOBALS = ['src/runtime/', 'src/config/', 'src/cli/']

/** What the other rooms are given through their constructors instead. */
const GLOBALS: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\bDate\.now\(|\bnew Date\(\)/, 'Clock.now'],
  [/\bMath\.random\(/, 'Random'],
  [/(?<![.\w])set(Timeout|Interval|Immediate)\(/, 'Clock.after, Clock.endOfTurn'],
  [/\bprocess\.(env|exit)\b/, 'config/'],
]

function filesBelow(folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .filter((path) => !path.includes('node_modules/') && !path.includes('__pycache__'))
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const code = CODE_FOLDERS.flatMap(filesBelow).filter((path) => ['.ts', '.js', '.mjs', '.py'].includes(extname(path)))
const pages = [...filesBelow('docs'), ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].filter((path) => existsSync(join(root, path)))].filter((path) =>
  path.endsWith('.md'),
)

/** Comments and strings do not run; regular expressions and templates are left as they are. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
}

test(`no file of code is longer than ${MAX_LINES} lines`, () => {
  const long = code.map((path) => [path, read(path).split('\n').length] as const).filter(([, lines]) => lines > MAX_LINES)
  assert.deepEqual(long, [])
})

test('names of files are in kebab-case', () => {
  const odd = code.filter((path) => path.endsWith('.ts')).filter((path) => !/^[a-z0-9./-]+$/.test(path))
  assert.deepEqual(odd, [])
})

/** What a piece of code touches, by what it should use instead. */
function touchedBy(text: string): string[] {
  const bare = withoutComments(text)
  return GLOBALS.filter(([pattern]) => pattern.test(bare)).map(([, instead]) => instead)
}

test('the rule on globals finds each of them, and nothing in comments or methods of the same name', () => {
  const planted = [
    'const now = Date.now()',
    'const then = new Date()',
    'x = Math.random()',
    'setTimeout(run, 5)',
    '  setImmediate(run)',
    'if (process.env.X) y()',
  ]
  for (const line of planted) assert.equal(touchedBy(line).length, 1, line)
  for (const line of ['// Date.now() is not used', '/* setTimeout(run) */', 'clock.setTimeout(run)', 'new Date(5)', 'process.pid'])
    assert.deepEqual(touchedBy(line), [], line)
})

test('only runtime/, config/ and cli/ touch clock, randomness, timers and environment', () => {
  const touched = code
    .filter((path) => path.startsWith('src/') && !MAY_TOUCH_GLOBALS.some((room) => path.startsWith(room)))
    .flatMap((path) => touchedBy(read(path)).map((instead) => `${path}: use ${instead}`))
  assert.deepEqual(touched, [])
})

test('nothing names a path of somebody’s machine', () => {
  // Written in pieces, or this file would find itself.
  const homes = ['/ho' + 'me/', '/Us' + 'ers/', '/wo' + 'rk/', '/fa' + 'rm']
  const files = [...code, ...pages, ...filesBelow('.ci'), 'package.json', 'biome.json', 'tsconfig.json']
  const named = files.filter((path) => existsSync(join(root, path)) && homes.some((home) => new RegExp(`(^|[\\s"'\`=(])${home}`, 'm').test(read(path))))
  assert.deepEqual(named, [])
})

test('no test has a drawn seed in its name: the list of what once passed would never see that name again', () => {
  const drawn = code.filter((path) => /\btest\(`[^`]*\$\{[^}]*(?:SEED|[fF]irstSeed)/.test(read(path)))
  assert.deepEqual(drawn, [])
})

test('links between pages lead to files that exist', () => {
  const broken = pages.flatMap((page) => {
    const folder = page.includes('/') ? page.slice(0, page.lastIndexOf('/')) : ''
    const links = [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)].map((match) => match[1] ?? '')
    return links.filter((link) => !existsSync(join(root, folder, link))).map((link) => `${page}: ${link}`)
  })
  assert.deepEqual(broken, [])
})

test('files that pages name exist', () => {
  const named = /`((?:src|test|scripts|bench|docs|bin)\/[\w./-]+?\.\w+)`|(?<![\w`/])((?:src|test|scripts|docs|bench)\/[\w./-]+\.(?:ts|md|json|js|sh))\b/g
  const missing = pages.flatMap((page) =>
    [...read(page).matchAll(named)]
      .map((match) => match[1] ?? match[2] ?? '')
      .filter((path) => !existsSync(join(root, path)))
      .map((path) => `${page}: ${path}`),
  )
  assert.deepEqual(missing, [])
})
