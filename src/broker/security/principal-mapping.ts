/**
 * `ssl.principal.mapping.rules` (KIP-371): from the subject of a client's certificate to the name of a principal. Rules are tried in
 * order, the first whose expression matches the whole subject makes the name:
 *
 *     RULE:^CN=(.*?),OU=Service.*$/$1/L, DEFAULT
 *
 * `RULE:expression/replacement/` with `L` or `U` behind it for small or capital letters; `DEFAULT` is the subject itself.
 * Expressions are JavaScript's; what Java's rules are made of (groups, classes, lazy repetition, look-ahead) means the same there.
 */
interface Rule {
  /** Null for DEFAULT. */
  readonly pattern: RegExp | null
  /** The same expression, for the subject as a whole. */
  readonly whole: RegExp | null
  readonly replacement: string
  readonly letters: '' | 'L' | 'U'
}

/** Kafka's own grammar (`SslPrincipalMapper`): a slash within a rule is written `\/`. */
const RULE = /\s*(?:(?<default>DEFAULT)|RULE:(?<pattern>(?:\\.|[^\\/])*)\/(?<replacement>(?:\\.|[^\\/])*)\/(?<letters>[LU]?)|(?<nothing>))\s*(?:,|$)/y

const MAX_SUBJECT_LENGTH = 4_096

/** Compiled rules. */
export class PrincipalMapping {
  readonly #rules: readonly Rule[]

  private constructor(rules: readonly Rule[]) {
    this.#rules = rules
  }

  /** The mapping, or in words what is wrong with the rules. */
  static parse(text: string): PrincipalMapping | string {
    const rules: Rule[] = []
    const words = text.trim()
    RULE.lastIndex = 0
    while (RULE.lastIndex < words.length) {
      const from = RULE.lastIndex
      const match = RULE.exec(words)?.groups
      if (match === undefined) return `is no list of DEFAULT and RULE:expression/replacement/ from "${words.slice(from)}" on`
      if (match.nothing !== undefined) continue
      const rule = ruleOf(match)
      if (typeof rule === 'string') return rule
      rules.push(rule)
    }
    return new PrincipalMapping(rules.length === 0 ? [DEFAULT] : rules)
  }

  /** The name of the principal; null where no rule applies: nobody is let in by this certificate. */
  nameOf(subject: string): string | null {
    if (subject.length > MAX_SUBJECT_LENGTH) return null
    for (const { pattern, whole, replacement, letters } of this.#rules) {
      if (pattern === null || whole === null) return subject
      if (!whole.test(subject)) continue
      // As Kafka does it: what the expression matches is replaced, which for one without anchors may be less than the whole.
      const name = subject.replace(pattern, (...match: unknown[]) => expand(replacement, match))
      return letters === 'L' ? name.toLowerCase() : letters === 'U' ? name.toUpperCase() : name
    }
    return null
  }
}

const DEFAULT: Rule = { pattern: null, whole: null, replacement: '', letters: '' }

function ruleOf(match: Readonly<Record<string, string | undefined>>): Rule | string {
  if (match.default !== undefined) return DEFAULT
  try {
    return {
      pattern: new RegExp(match.pattern ?? '', 'g'),
      whole: new RegExp(`^(?:${match.pattern ?? ''})$`),
      replacement: match.replacement ?? '',
      letters: (match.letters ?? '') as Rule['letters'],
    }
  } catch (error) {
    return `has an expression that is none: ${(error as Error).message}`
  }
}

/** `$1` is the first group; a number that no group has is taken without its last digits, or as it stands. `\x` is x. */
function expand(replacement: string, match: readonly unknown[]): string {
  // Behind the groups: the offset, the subject, and the named groups if there are any.
  const groups = match.slice(
    0,
    match.findIndex((part) => typeof part === 'number'),
  ) as (string | undefined)[]
  return replacement.replace(/\\(.)|\$(\d+)/g, (whole, escaped: string | undefined, digits: string | undefined) => {
    if (escaped !== undefined) return escaped
    for (let length = digits?.length ?? 0; length > 0; length--) {
      const index = Number(digits?.slice(0, length))
      if (index < groups.length) return (groups[index] ?? '') + (digits?.slice(length) ?? '')
    }
    return whole
  })
}
