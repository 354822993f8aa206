import { readdir, readFile } from 'node:fs/promises'

export interface Usage {
  /** Megabytes resident, now and at most. */
  readonly rssMb: number
  readonly peakMb: number
  readonly cpuSeconds: number
  readonly descriptors: number
}

/** What a process of this machine uses, as Linux tells it; null elsewhere. */
export async function usageOf(pid: number): Promise<Usage | null> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    const stat = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
    const megabytes = (key: string) => Math.round(Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024)
    // Fields 14 and 15 of proc(5), in ticks of 10 ms: user and system.
    const cpuSeconds = (Number(stat[11]) + Number(stat[12])) / 100
    return { rssMb: megabytes('VmRSS'), peakMb: megabytes('VmHWM'), cpuSeconds, descriptors: (await readdir(`/proc/${pid}/fd`)).length }
  } catch {
    return null
  }
}

/** `12.3 s, ...` for the note. */
export function told(usage: Usage | null): string {
  return usage === null ? 'unknown' : `${usage.rssMb} MB (peak ${usage.peakMb}), CPU ${usage.cpuSeconds.toFixed(1)} s, ${usage.descriptors} descriptors`
}
