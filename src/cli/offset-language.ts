import { usageError } from './command.ts'

/** Where to begin, in each partition. */
export type StartAt =
  | { readonly kind: 'start'; readonly skip: number }
  | { readonly kind: 'end'; readonly back: number }
  | { readonly kind: 'offset'; readonly offset: number }
  /** The first record at or after this time, in milliseconds since the epoch. */
  | { readonly kind: 'time'; readonly timestampMs: number }

/** What the help of `-o` says. */
export const OFFSET_LANGUAGE =
  'start, end, 47 (that offset), +10 (ten after the start), -10 (the last ten), @2026-01-31T12:00:00Z, @1769860800000, @-1h (an hour ago)'

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Reads the words of `-o`; throws `usageError`. Times are counted from `nowMs`. */
export function parseStartAt(words: string, nowMs: number): StartAt {
  if (words === 'start') return { kind: 'start', skip: 0 }
  if (words === 'end') return { kind: 'end', back: 0 }
  if (/^\+\d+$/.test(words)) return { kind: 'start', skip: Number(words) }
  if (/^-\d+$/.test(words)) return { kind: 'end', back: -Number(words) }
  if (/^\d+$/.test(words)) return { kind: 'offset', offset: Number(words) }
  if (words.startsWith('@')) return { kind: 'time', timestampMs: parseTime(words.slice(1), nowMs) }
  throw usageError(`an offset is one of ${OFFSET_LANGUAGE}; not "${words}"`)
}

function parseTime(words: string, nowMs: number): number {
  if (/^\d{5,}$/.test(words)) return Number(words)
  const ago = /^-(\d+)(ms|s|m|h|d)$/.exec(words)
  if (ago !== null) return nowMs - Number(ago[1]) * (UNITS_MS[ago[2] ?? ''] ?? 0)
  const date = /^\d{4}-\d{2}-\d{2}/.test(words) ? Date.parse(words) : Number.NaN
  if (Number.isNaN(date)) throw usageError(`a time is an ISO date, milliseconds since 1970, or how long ago it was (-90s, -1h, -7d); not "${words}"`)
  return date
}

/** The position in one partition whose log is [start, end); `offsetOfTime` is -1 where no record is that young. */
export function positionAt(at: StartAt, start: number, end: number, offsetOfTime: number): number {
  switch (at.kind) {
    case 'start':
      return Math.min(start + at.skip, end)
    case 'end':
      return Math.max(end - at.back, start)
    case 'offset':
      return Math.min(Math.max(at.offset, start), end)
    case 'time':
      return offsetOfTime < 0 ? end : offsetOfTime
  }
}
