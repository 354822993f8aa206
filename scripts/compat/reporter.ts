/**
 * A node:test reporter for `.ci/run`: one line a test, `pass|fail|skip<TAB>name`, a subtest under the names it lies in.
 * Names are stable words, so that a list of what ever passed can be kept.
 */
interface TestEvent {
  readonly type: string
  readonly data: {
    readonly name: string
    readonly nesting: number
    readonly skip?: string | boolean
    readonly todo?: string | boolean
    readonly details?: { readonly type?: string }
  }
}

export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  // Results come when a test ends, so a name is known from its start: `test:start` comes in the order of declaration.
  const path: string[] = []
  for await (const event of source) {
    const { name, nesting } = event.data
    if (event.type === 'test:start') {
      path.length = nesting
      path[nesting] = name
    } else if (event.type === 'test:pass' || event.type === 'test:fail') {
      const skipped = event.data.skip !== undefined && event.data.skip !== false
      const isSuite = event.data.details?.type === 'suite'
      // A suite that is skipped whole reports none of its tests: its own line says so.
      if (isSuite && !skipped && event.type === 'test:pass') continue
      const outcome = skipped ? 'skip' : event.type === 'test:pass' ? 'pass' : 'fail'
      const full = [...path.slice(0, nesting), name].join(' > ')
      yield `${outcome}\t${full.replaceAll(/\s+/g, ' ')}\n`
    }
  }
}
