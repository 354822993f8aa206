/** Reading what a run found: which violations are of one kind, and which lines of a trace have to do with one. */

/** `12.345 s: ` before each. */
const MOMENT = /^\d+\.\d+ s: /
/** Topics, partitions, clients, values, offsets: whatever is named or numbered. */
const NAMED = /[\w$][\w$./-]*[\d._/-][\w$./-]*|\d+/g
const STACK_FRAME = /\n\s+at .*/
const LIFE = new Set(['cast', 'start', 'ready', 'start-failed', 'crash', 'stop', 'stopped', 'fault', 'VIOLATION'])
const SHORTEST_NAME = 3

/** The violation without what is particular to one run. */
export function kindOf(violation: string): string {
  const [message = ''] = violation.replace(MOMENT, '').split('\n')
  const [frame = ''] = STACK_FRAME.exec(violation) ?? []
  // In brackets stands what else is known.
  const words = message.replaceAll(/\([^)]*\)/g, '').replaceAll(NAMED, '#')
  return `${words} ${/\w+\.ts/.exec(frame)?.[0] ?? ''}`.replaceAll(/\s+/g, ' ').trim()
}

/**
 * Of a trace the lines that lead to `violation`: crashes, starts and faults, and lines that name what it names; the last `max` of them.
 */
export function relevantLines(trace: readonly string[], violation: string, max: number): string[] {
  const names = namesIn(violation)
  const end = trace.findIndex((line) => line.includes(' VIOLATION ')) + 1
  const shown = (end === 0 ? trace : trace.slice(0, end)).filter(
    (line) => isLife(line) || (!line.includes(' disk ') && [...wordsOf(line)].some((word) => names.has(word))),
  )
  return shown.slice(-max)
}

function isLife(line: string): boolean {
  return LIFE.has(line.split(' ', 2)[1] ?? '')
}

/** Whole names, and of a value (`sender.key.number`) its sender too. */
function namesIn(violation: string): Set<string> {
  const names = new Set<string>()
  for (const word of wordsOf(violation.replace(MOMENT, ''))) {
    if (/[\d-]/.test(word) && /[a-z]/i.test(word) && word.length >= SHORTEST_NAME) names.add(word)
  }
  return names
}

function* wordsOf(text: string): Generator<string> {
  for (const [word] of text.matchAll(/[\w$][\w$./-]*/g)) yield word.replace(/[.:,-]+$/, '')
}
