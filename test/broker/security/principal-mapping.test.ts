import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PrincipalMapping } from '../../../src/broker/security/principal-mapping.ts'

const SUBJECT = 'CN=Alice,OU=ServiceUsers,O=Example,C=DE'

function nameOf(rules: string, subject = SUBJECT): string | null {
  const mapping = PrincipalMapping.parse(rules)
  if (typeof mapping === 'string') throw new Error(mapping)
  return mapping.nameOf(subject)
}

test('the rules of Kafka’s documentation and tests give the names they give there (SslPrincipalMapperTest)', () => {
  const rules = [
    'RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L',
    'RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/L',
    'RULE:^cn=(.*?),ou=(.*?),dc=(.*?),dc=(.*?)$/$1@$2/U',
    'RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/U',
    'DEFAULT',
  ].join(', ')
  assert.equal(nameOf(rules, 'CN=Duke,OU=ServiceUsers,O=Org,C=US'), 'duke')
  assert.equal(nameOf(rules, 'CN=Duke,OU=SME,O=mycp,L=Fulton,ST=MD,C=US'), 'duke@sme')
  assert.equal(nameOf(rules, 'cn=duke,ou=sme,dc=mycp,dc=com'), 'DUKE@SME')
  assert.equal(nameOf(rules, 'OU=JavaSoft,CN=duke,O=Sun Microsystems'), 'DUKE')
  assert.equal(nameOf(rules, 'OU=JavaSoft,O=Sun Microsystems,C=US'), 'OU=JavaSoft,O=Sun Microsystems,C=US')
})

test('without rules, and by DEFAULT, a name is the whole subject', () => {
  assert.equal(nameOf('DEFAULT'), SUBJECT)
  assert.equal(nameOf(''), SUBJECT)
})

test('a certificate that no rule matches speaks for nobody', () => {
  assert.equal(nameOf('RULE:^CN=(.*?),OU=Other$/$1/'), null)
})

test('back references are read as far as there are groups', () => {
  assert.equal(nameOf('RULE:^CN=(.*?),OU=(.*?),.*$/$1-$2-$3/'), 'Alice-ServiceUsers-$3')
  assert.equal(nameOf('RULE:^CN=(.*?),.*$/$12/'), 'Alice2')
  assert.equal(nameOf('RULE:^CN=(.*?),.*$/$0/'), SUBJECT)
})

test('a slash within a rule is written with a backslash, and a comma needs none', () => {
  assert.equal(nameOf('RULE:^CN=(.*?),O=a\\/b$/$1\\/x/, DEFAULT', 'CN=Alice,O=a/b'), 'Alice/x')
})

test('an expression must match the whole subject, and what it finds is replaced', () => {
  assert.equal(nameOf('RULE:CN=/x/,DEFAULT'), SUBJECT)
  assert.equal(nameOf('RULE:CN=(.*?)/$1/'), 'Alice,OU=ServiceUsers,O=Example,C=DE')
})

test('what is no list of rules is refused with the place', () => {
  for (const rules of ['RULE', 'DEFAUL', 'RULE:^CN=(.*?)$/$1', 'RULE:^CN=(.*?)$/$1/LU', 'DEFAULT,RULE:a/b/x', 'RULE:(/x/', 'default']) {
    assert.equal(typeof PrincipalMapping.parse(rules), 'string', rules)
  }
})
