/**
 * Where the foreign clients are. `scripts/compat/install.sh` puts them there; a suite whose toolchain is missing is skipped
 * with the reason, and `.ci/run` counts such a skip as a failure once the suite has ever passed.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './broker.ts'

const CACHE = process.env.COMPAT_CACHE ?? join(ROOT, '.cache')

export const PYTHON = join(CACHE, 'venv/bin/python')
/** Goes before the newest kafka-python by PYTHONPATH. */
export const OLD_KAFKA_PYTHON = join(CACHE, 'kafka-python-2.0.2')

/** A class path of jars in the cache: `clients-3.9.2`, `clients-4.1.2`, `clients-4.4.0`, `streams-4.3.1` or `tools-4.1.2`, with our own classes first. */
export function classPath(libraries: string): string {
  return [join(CACHE, 'java/classes'), join(CACHE, 'java', libraries, '*')].join(':')
}

const INSTALL = 'run scripts/compat/install.sh'

/** False when Python and its clients are installed, else why not. */
export function pythonMissing(): string | false {
  const absent = [PYTHON, OLD_KAFKA_PYTHON].find((path) => !existsSync(path))
  return absent === undefined ? false : `no ${absent}: ${INSTALL}`
}

const GO = join(CACHE, 'go')

/** A program of `test/compat/go`. */
export const goProgram = (name: string): string => join(GO, name)

/** False when the programs of Go's clients are built, else why not. */
export function goMissing(): string | false {
  const absent = ['franz', 'sarama', 'segmentio'].filter((name) => !existsSync(goProgram(name)))
  return absent.length === 0 ? false : `no ${absent.join(', ')} in ${GO}: ${INSTALL}`
}

/** False when the jars and the compiled classes are there, else why not. */
export function javaMissing(): string | false {
  const needed = ['clients-3.9.2', 'clients-4.1.2', 'clients-4.4.0', 'streams-4.3.1', 'tools-4.1.2', 'classes']
  const absent = needed.filter((name) => !existsSync(join(CACHE, 'java', name)) || readdirSync(join(CACHE, 'java', name)).length === 0)
  return absent.length === 0 ? false : `no ${absent.join(', ')} in ${join(CACHE, 'java')}: ${INSTALL}`
}

/** False when all programs are on the path, else which are not. */
export function programsMissing(...programs: readonly string[]): string | false {
  const folders = `${process.env.PATH ?? ''}:/usr/sbin`.split(':')
  const absent = programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))))
  return absent.length === 0 ? false : `${absent.join(', ')} not installed: ${INSTALL}`
}
