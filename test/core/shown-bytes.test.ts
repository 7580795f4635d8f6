import assert from 'node:assert/strict';
import { it } from 'node:test';
import { shownText } from '../../core/shown-bytes.ts';

it('shows text as it is, and bytes that are no text escaped', () => {
  assert.equal(shownText(Buffer.from('grün 🙂')), 'grün 🙂');
  assert.equal(shownText(Buffer.from([0x61, 0xff, 0x62, 0xc3])), 'a\\xffb\\xc3');
  assert.equal(
    shownText(Buffer.concat([Buffer.from('é'), Buffer.from([0xe2, 0x82]), Buffer.from('€')])),
    'é\\xe2\\x82€',
  );
  assert.equal(shownText(new Uint8Array(0)), '');
});
