// Fields to narrow a list by: applied on Enter or on leaving a field, and kept in the address by whoever shows them.

import { html } from '../view.js';

export function FilterFields({ names, filters, onChange }) {
  function submit(event) {
    event.preventDefault();
    const { elements } = event.currentTarget;
    onChange(Object.fromEntries(names.map((name) => [name, elements[name].value.trim()])));
  }
  return html`<form class="filter-fields" role="search" onSubmit=${submit} onChange=${(event) => event.currentTarget.requestSubmit()}>
    ${names.map((name) => html`<label>
      <span>${name}</span>
      <input key=${`${name}=${filters[name]}`} name=${name} type="search" defaultValue=${filters[name]} placeholder="any" autocomplete="off" spellcheck=${false} />
    </label>`)}
    <button type="submit" class="unseen" tabindex="-1">Filter</button>
  </form>`;
}
