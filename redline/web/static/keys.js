// Limit presets fill the field beside them; without this file the number is typed.
(function () {
  "use strict";
  document.querySelectorAll("[data-fill]").forEach(function (button) {
    button.addEventListener("click", function () {
      var field = document.getElementById(button.dataset.fill);
      field.value = button.dataset.value;
      field.focus();
    });
  });
})();
