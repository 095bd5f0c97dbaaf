// Fields to narrow a list by: applied on Enter or on leaving a field, and kept in the address by whoever shows them.

import { html, useEffect, useRef } from '../view.js';

export function FilterFields({ names, filters, onChange }) {
  function submit(event) {
    event.preventDefault();
    const { elements } = event.currentTarget;
    onChange(Object.fromEntries(names.map((name) => [name, elements[name].value.trim()])));
  }
  return html`<form class="filter-fields" role="search" onSubmit=${submit} onChange=${(event) => event.currentTarget.requestSubmit()}>
    ${names.map((name) => html`<${Field} name=${name} value=${filters[name]} />`)}
    <button type="submit" class="unseen" tabindex="-1">Filter</button>
  </form>`;
}

// The reader's own while it is typed into; follows the address when that changes.
function Field({ name, value }) {
  const input = useRef(null);
  useEffect(() => {
    input.current.value = value;
  }, [value]);
  return html`<label>
    <span>${name}</span>
    <input ref=${input} name=${name} type="search" placeholder="any" autocomplete="off" spellcheck=${false} />
  </label>`;
}
