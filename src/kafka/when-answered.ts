/** What `ask` is given by callback: the value itself where that comes within the call, so that the answer leaves in the same turn. */
export function whenAnswered<T>(ask: (respond: (value: T) => void) => void): T | Promise<T> {
  let given: { readonly value: T } | null = null
  let resolveLater: ((value: T) => void) | null = null
  ask((value) => {
    if (resolveLater === null) given = { value }
    else resolveLater(value)
  })
  // Assigned within the call, which the compiler does not see.
  const answered = given as { readonly value: T } | null
  if (answered !== null) return answered.value
  return new Promise((resolve) => {
    resolveLater = resolve
  })
}
