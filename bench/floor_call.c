/* What one call from Python to C with an order costs: five numbers in, one out. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static long sum;

static PyObject *place(PyObject *module, PyObject *const *numbers, Py_ssize_t count) {
    (void)module;
    if (count != 5) {
        PyErr_SetString(PyExc_TypeError, "an order is five numbers");
        return NULL;
    }
    for (Py_ssize_t at = 0; at < 5; at++) {
        sum += PyLong_AsLong(numbers[at]);
    }
    return PyLong_FromLong(sum & 0xffff);
}

static PyMethodDef methods[] = {
    {"place", (PyCFunction)(void (*)(void))place, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "floor_call", NULL, -1, methods,
                                    NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_floor_call(void) { return PyModule_Create(&module); }
