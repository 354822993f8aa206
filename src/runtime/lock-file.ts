import fs from 'node:fs'
import { errorCode, type FileLock } from './files.ts'

/** Who holds a lock: a process id alone comes back after a restart of the machine, or of a container. */
interface Holder {
  readonly pid: number
  /** When the process began, in clock ticks since the machine did; null where that cannot be told. */
  readonly startedTicks: string | null
  readonly bootId: string | null
}

/**
 * Takes `path` for this process. A lock whose process is gone is taken over; one that is held makes this throw, and say by
 * whom. Processes of other containers cannot be seen: two containers must not be given one data directory.
 */
export function lockFile(path: string, bootId: string | null): FileLock {
  const mine: Holder = { pid: process.pid, startedTicks: startedTicks(process.pid), bootId }
  const text = `${JSON.stringify(mine)}\n`
  const draft = `${path}.${process.pid}`
  fs.writeFileSync(draft, text)
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (link(draft, path)) return { release: () => fs.rmSync(path, { force: true }) }
      takeOverStale(path, bootId)
    }
  } finally {
    fs.rmSync(draft, { force: true })
  }
  throw new Error(`could not take the lock ${path}: others take it at the same time`)
}

/** False where `to` exists: link, unlike rename, never replaces. */
function link(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
}

function takeOverStale(path: string, bootId: string | null): void {
  const seen = readText(path)
  if (seen === null) return
  const holder = parseHolder(seen)
  if (holder !== null && isAlive(holder, bootId)) {
    const who = holder.pid === process.pid ? `this process (${holder.pid})` : `process ${holder.pid}`
    throw new Error(`the data directory is in use by ${who}, says ${path}: stop that one first, or choose another directory`)
  }
  // Renaming first makes sure that of two that take over at once only one does, and that it took what it judged.
  const aside = `${path}.stale.${process.pid}`
  try {
    fs.renameSync(path, aside)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return
    throw error
  }
  if (readText(aside) !== seen) link(aside, path)
  fs.rmSync(aside, { force: true })
}

function isAlive(holder: Holder, bootId: string | null): boolean {
  if (holder.bootId !== null && bootId !== null && holder.bootId !== bootId) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
  const ticks = startedTicks(holder.pid)
  return holder.startedTicks === null || ticks === null || ticks === holder.startedTicks
}

function parseHolder(text: string): Holder | null {
  try {
    return JSON.parse(text) as Holder
  } catch {
    return null
  }
}

function readText(path: string): string | null {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
}

/** Field 22 of /proc/PID/stat; the name in field 2 may hold spaces and brackets. */
function startedTicks(pid: number): string | null {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}
