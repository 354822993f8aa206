/** Starts a class of Kafka's tools with a small heap: the machine is shared with the broker under test. */
import { Companion, type RunOptions, type RunResult, run } from '../lib/process.ts'
import { classPath } from '../lib/toolchain.ts'

const JVM = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

export const javaArgs = (libraries: string, main: string, args: readonly string[]): string[] => [...JVM, '-cp', classPath(libraries), main, ...args]

/** Runs a tool of kafka-tools 4.1.2 to its end. */
export const tool = (main: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> =>
  run('java', javaArgs('tools-4.1.2', main, args), options)

/** Starts a tool that runs beside the test. */
export const toolBeside = (main: string, args: readonly string[]): Companion => new Companion('java', javaArgs('tools-4.1.2', main, args))
